/** The worker of `HeavyFrames`. */

import { serveJobs } from '../../engines/pool/worker-jobs.ts';
import { betaDialectWith } from '../../protocol/beta/beta.ts';
import type { Dialect } from '../../protocol/dialect.ts';
import type { WireErrorType } from '../../protocol/errors/wire-errors.ts';
import { gaDialectWith } from '../../protocol/ga.ts';
import { ClientEventError } from '../../protocol/parse/frame-parser.ts';
import { type Leniency, leniencyCheck, type UsedLeniency } from '../../protocol/parse/leniencies.ts';
import { lenientCheck, strictCheck } from '../../protocol/parse/schema-check.ts';
import type { ClientEvent } from '../../protocol/wire/client-events.ts';

export interface ParseRequest {
  /** A text frame, in UTF-8. */
  bytes: Uint8Array;
  dialect: Dialect['name'];
  lenient: boolean;
  /** `--strict hosted` */
  strict: boolean;
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

const makers = { ga: gaDialectWith, beta: betaDialectWith };

function parse({ bytes, dialect, lenient, strict }: ParseRequest): ParsedFrame {
  const unknownFields: string[] = [];
  const leniencies: Leniency[] = [];
  const reported = { unknownFields, leniencies };
  const fields = lenient ? lenientCheck(dialect, (names) => unknownFields.push(...names)) : strictCheck(dialect);
  const onUsed = ({ leniency, refusal }: UsedLeniency) => {
    if (strict) throw refusal;
    leniencies.push(leniency);
  };
  const check = dialect === 'ga' ? leniencyCheck(fields, onUsed) : fields;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  try {
    return { event: makers[dialect](check).parse(text), ...reported };
  } catch (error) {
    if (!(error instanceof ClientEventError)) throw error;
    const { message, type, code, param } = error.wireError;
    return { error: { message, type, code, param }, clientEventId: error.clientEventId, ...reported };
  }
}

await serveJobs<ParseRequest, ParsedFrame>(async () => async (request, job) => job.send(parse(request)));
