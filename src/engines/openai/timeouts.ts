import type { HttpTimeouts } from '../../net/http-exchange.ts';

/** Time limits of a model server for each stage of an answer. */
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

/** How long refusals of a server are remembered. */
export const defaultAdaptationMs = 60 * 60_000;
