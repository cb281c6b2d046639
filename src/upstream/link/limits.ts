/** The bounds of a relayed session. `config.ts` documents those that are options. */
export interface UpstreamLimits {
  /** How long an upstream may be silent while a session is opened or restored. */
  upstreamConnectMs: number;
  /** How often a lost connection is made again before the session ends. */
  upstreamRetries: number;
  /** Bytes that wait for an upstream, before the client is read no further. */
  upstreamQueueBytes: number;
  /** One message of an upstream. */
  upstreamMessageBytes: number;
  pingIntervalMs: number;
  /** How long an upstream may be silent, pings unanswered, before its connection counts as dead. */
  deadPeerMs: number;
}

export const defaultUpstreamLimits: UpstreamLimits = {
  upstreamConnectMs: 10_000,
  upstreamRetries: 5,
  upstreamQueueBytes: 1024 ** 2,
  // Ten minutes of audio, retrieved, are 37 MiB.
  upstreamMessageBytes: 64 * 1024 ** 2,
  pingIntervalMs: 20_000,
  deadPeerMs: 40_000,
};
