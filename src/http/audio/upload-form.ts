import type { IncomingMessage } from 'node:http';
import { audioErrors } from '../../protocol/errors/audio-errors.ts';
import { type BodyLimits, receiveBody } from '../body.ts';

/** A transcription has a dozen parameters and one file. */
const maxParts = 32;
const usualFieldBytes = 64 * 1024;
/** Parsed in one step before the limits are checked: at most a few hundred empty parts. */
const parsedBytes = 2 * 1024;
const partHeaders = { headerPairs: 16, headerSize: 8 * 1024 };

export interface FormParts {
  fileName: string;
  takeFile: (piece: Buffer) => void;
  maxFieldBytes?: number;
}

/**
 * Streams a `multipart/form-data` body (RFC 7578): returns its fields, and passes the file of the part `fileName` to
 * `takeFile` in pieces. A trailing `[]`, with which the official SDKs mark lists, is removed from names.
 * @throws {WireError} when the form cannot be parsed or has too many parts; also whatever `takeFile` throws
 * @throws {HttpRefusal} as `receiveBody` does
 */
export async function receiveForm(
  incoming: IncomingMessage,
  limits: BodyLimits,
  { fileName, takeFile, maxFieldBytes = usualFieldBytes }: FormParts,
): Promise<Record<string, string>> {
  const parser = await parserFor(incoming.headers['content-type'] ?? '', maxFieldBytes);
  const fields = new Map<string, string>();
  const finished = Promise.withResolvers<void>();
  // It may reject before anything awaits it.
  finished.promise.catch(() => {});
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
    finished.reject(failure);
  };
  const tooManyParts = () => fail(audioErrors.tooManyParts(maxParts));
  parser.on('partsLimit', tooManyParts).on('fieldsLimit', tooManyParts).on('filesLimit', tooManyParts);
  parser.on('error', () => fail(audioErrors.brokenForm()));
  parser.on('finish', () => finished.resolve());
  parser.on('field', (name, value, nameCut, valueCut) => {
    if (nameCut || valueCut) fail(audioErrors.fieldTooLong(String(name), maxFieldBytes));
    else fields.set(String(name).replace(/\[\]$/, ''), value);
  });
  parser.on('file', (name, stream) => {
    // The parser reports a truncated form as well.
    stream.on('error', () => {});
    stream.on('data', (piece: Buffer) => {
      if (failure !== undefined || name !== fileName) return;
      try {
        takeFile(piece);
      } catch (error) {
        fail(error);
      }
    });
  });
  await receiveBody(incoming, limits, (piece) => {
    let hasRoom = true;
    for (let at = 0; at < piece.length; at += parsedBytes) {
      hasRoom = parser.write(piece.subarray(at, at + parsedBytes));
      if (failure !== undefined) throw failure;
    }
    if (hasRoom) return undefined;
    const drained = new Promise<void>((resolve) => parser.once('drain', resolve));
    return Promise.race([drained, finished.promise]);
  });
  parser.end();
  await finished.promise;
  return Object.fromEntries(fields);
}

async function parserFor(type: string, maxFieldBytes: number) {
  // Loaded on first use, because few servers receive forms.
  const { Busboy } = await import('@fastify/busboy');
  try {
    return new Busboy({
      headers: { 'content-type': type },
      limits: { parts: maxParts, files: 1, fieldSize: maxFieldBytes, ...partHeaders },
    });
  } catch {
    throw audioErrors.brokenForm();
  }
}
