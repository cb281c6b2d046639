/** How long everything is measured. */

export interface Plan {
  /** Starts of the server from nothing. */
  coldStarts: number;
  /** Turns taken one at a time with the embedded engines. */
  turns: number;
  /** Sessions that converse at once with engines that answer at once, and the turns taken of them. */
  instantSessions: number;
  instantTurns: number;
  /** Streams of a server of models that are read, and responses that are spoken by one. */
  remoteRounds: number;
  remoteTurns: number;
  /** Sessions that converse at once with the embedded engines, and for how long they are measured. */
  talkers: number;
  talkMs: number;
  /** Sessions that stream to the bare server and to Parley, and the spans that are measured of each. */
  streamers: number;
  spans: number;
  spanMs: number;
  /** Spans of clients that are let in as fast as they come, and how many of them mint and connect in one. */
  accessSpans: number;
  secrets: number;
  connections: number;
  /** Sessions that are weighed: silent ones, and ones in conversation. */
  idleSessions: number;
  liveSessions: number;
  /** Rounds in which servers with and without limits take their turns. */
  limitRounds: number;
}

export const fullPlan: Plan = {
  coldStarts: 5,
  turns: 40,
  instantSessions: 100,
  instantTurns: 1000,
  remoteRounds: 40,
  remoteTurns: 40,
  talkers: 20,
  talkMs: 60_000,
  streamers: 100,
  spans: 5,
  spanMs: 3000,
  accessSpans: 5,
  secrets: 3000,
  connections: 1000,
  idleSessions: 900,
  liveSessions: 100,
  limitRounds: 12,
};

export const quickPlan: Plan = {
  coldStarts: 2,
  turns: 5,
  instantSessions: 100,
  instantTurns: 200,
  remoteRounds: 12,
  remoteTurns: 12,
  talkers: 20,
  talkMs: 12_000,
  streamers: 40,
  spans: 3,
  spanMs: 2000,
  accessSpans: 3,
  secrets: 1500,
  connections: 500,
  idleSessions: 900,
  liveSessions: 50,
  limitRounds: 6,
};
