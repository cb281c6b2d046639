/** A call in a page, as tests control it. */

import type { Microphone } from './microphone.ts';
import type { Recorder } from './recorder.ts';

export interface CallPlan {
  /** Of `POST /v1/realtime/calls`. */
  url: string;
  secret: string;
  /** Of the agent. */
  instructions: string;
  /** Whether the browser's microphone is used. */
  device: boolean;
  /** The only audio codec of the offer; all codecs of the browser if absent. */
  codec?: 'PCMU';
  /** A server of tools that the session uses, with approval or without. */
  mcp?: { url: string; requireApproval: 'always' | 'never' };
}

export interface PageCall {
  callId: string | undefined;
  connection: RTCPeerConnection;
  recorder: Recorder;
  send(event: object): void;
  /** Absent if the client opens the microphone itself. */
  microphone?: Microphone;
}

declare global {
  /** Opens the call with the client of this page. */
  var openCall: (plan: CallPlan) => Promise<void>;
  var pageCall: PageCall;
  /** Passes a message of the data channel to the test. */
  var reportMessage: (message: string) => void;
}
