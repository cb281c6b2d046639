/** The worker of `UpstreamReader`. */

import { serveJobs } from '../engines/pool/worker-jobs.ts';
import { readEvent } from '../upstream/link/json.ts';

export interface ReadRequest {
  /** A text message, in UTF-8. */
  bytes: Uint8Array;
  /** The key of the upstream, which is redacted. */
  secret: string | undefined;
}

/** The event, or a description of the problem with the message. */
export type ReadMessage = ReturnType<typeof readEvent>;

await serveJobs<ReadRequest, ReadMessage>(async () => async ({ bytes, secret }, job) => {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  job.send(readEvent(text, secret));
});
