/** The limits of a relayed session. `config.ts` documents those that are options. */
export interface UpstreamLimits {
  /** Maximum time without an awaited answer from an upstream while a session is opened or restored. */
  upstreamConnectMs: number;
  /** Reconnection attempts before the session ends. */
  upstreamRetries: number;
  /** Bytes waiting for an upstream before reading from the client pauses. */
  upstreamQueueBytes: number;
  /** Maximum size of an upstream message. */
  upstreamMessageBytes: number;
  pingIntervalMs: number;
  /** Maximum silence of an upstream, with pings unanswered, before its connection counts as lost. */
  deadPeerMs: number;
}

export const defaultUpstreamLimits: UpstreamLimits = {
  upstreamConnectMs: 10_000,
  upstreamRetries: 5,
  upstreamQueueBytes: 1024 ** 2,
  // An item with ten minutes of audio (`limits.kept-audio-ms`), retrieved as base64, takes 37 MiB.
  upstreamMessageBytes: 40 * 1024 ** 2,
  pingIntervalMs: 20_000,
  deadPeerMs: 40_000,
};
