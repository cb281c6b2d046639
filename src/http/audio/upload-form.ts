import type { IncomingMessage } from 'node:http';
import { Busboy } from '@fastify/busboy';
import { audioErrors } from '../../protocol/errors/audio-errors.ts';
import { type BodyLimits, receiveBody } from '../body.ts';

/** The parameters of a transcription are a dozen, and there is one file. */
const maxParts = 32;
const maxFieldBytes = 64 * 1024;
const partHeaders = { headerPairs: 16, headerSize: 8 * 1024 };

/**
 * Reads a `multipart/form-data` body (RFC 7578) as it comes: returns its fields, and hands the pieces of the part named
 * `file` to `takeFile`. A name that ends in `[]` counts without it, as the official SDKs write lists.
 * @throws {WireError} for a form that cannot be read, or has too many parts
 * @throws {HttpRefusal} as `receiveBody`, and what `takeFile` throws
 */
export async function receiveForm(
  incoming: IncomingMessage,
  limits: BodyLimits,
  takeFile: (piece: Buffer) => void,
): Promise<Record<string, string>> {
  const parser = parserFor(incoming.headers['content-type'] ?? '');
  const fields = new Map<string, string>();
  const finished = Promise.withResolvers<void>();
  // It may fail while nobody waits for it.
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
    // The parser tells of a form that breaks off, too.
    stream.on('error', () => {});
    stream.on('data', (piece: Buffer) => {
      if (failure !== undefined || name !== 'file') return;
      try {
        takeFile(piece);
      } catch (error) {
        fail(error);
      }
    });
  });
  await receiveBody(incoming, limits, (piece) => {
    const goesOn = parser.write(piece);
    if (failure !== undefined) throw failure;
    if (goesOn) return undefined;
    const drained = new Promise<void>((resolve) => parser.once('drain', resolve));
    return Promise.race([drained, finished.promise]);
  });
  parser.end();
  await finished.promise;
  return Object.fromEntries(fields);
}

function parserFor(type: string) {
  try {
    return new Busboy({
      headers: { 'content-type': type },
      limits: { parts: maxParts, files: 1, fieldSize: maxFieldBytes, ...partHeaders },
    });
  } catch {
    throw audioErrors.brokenForm();
  }
}
