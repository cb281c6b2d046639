/** The worker of `HeavyFrames`. */

import { serveJobs } from '../../engines/pool/worker-jobs.ts';
import type { Dialect } from '../../protocol/dialect.ts';
import { configuredDialects } from '../../protocol/dialects.ts';
import type { WireErrorType } from '../../protocol/errors/wire-errors.ts';
import { ClientEventError } from '../../protocol/parse/frame-parser.ts';
import type { CheckSettings } from '../../protocol/parse/leniencies.ts';
import type { Leniency } from '../../protocol/parse/schema-check.ts';
import type { ClientEvent } from '../../protocol/wire/client-events.ts';

export interface ParseRequest {
  /** A text frame, in UTF-8. */
  bytes: Uint8Array;
  dialect: Dialect['name'];
  checks: CheckSettings;
}

interface FrameError {
  message: string;
  type: WireErrorType;
  code: string | null;
  param: string | null;
}

export type ParsedFrame = { unknownFields: string[]; leniencies: Leniency[] } & (
  | { event: ClientEvent }
  | { error: FrameError; clientEventId: string | null }
);

function parse({ bytes, dialect, checks }: ParseRequest): ParsedFrame {
  const unknownFields: string[] = [];
  const leniencies: Leniency[] = [];
  const reported = { unknownFields, leniencies };
  const notices = {
    dropped: (paths: string[]) => unknownFields.push(...paths),
    accepted: (leniency: Leniency) => leniencies.push(leniency),
  };
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  try {
    return { event: configuredDialects(checks)[dialect].parse(text, notices), ...reported };
  } catch (error) {
    if (!(error instanceof ClientEventError)) throw error;
    const { message, type, code, param } = error.wireError;
    return { error: { message, type, code, param }, clientEventId: error.clientEventId, ...reported };
  }
}

await serveJobs<ParseRequest, ParsedFrame>(async () => async (request) => parse(request));
