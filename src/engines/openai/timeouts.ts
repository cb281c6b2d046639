import type { HttpTimeouts } from '../../net/http-exchange.ts';

/** How long a server of models may take for each stage of an answer. */
export interface EngineTimeouts extends HttpTimeouts {
  /** Until the first byte of an answer of a model that may have to be loaded first. */
  loadMs: number;
}

export const defaultTimeouts: EngineTimeouts = {
  connectMs: 5000,
  firstByteMs: 20_000,
  loadMs: 600_000,
  idleMs: 20_000,
};

/** How long it is remembered what a server refuses in requests. */
export const defaultAdaptationMs = 60 * 60_000;
