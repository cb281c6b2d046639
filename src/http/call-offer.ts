import type { IncomingMessage } from 'node:http';
import { callErrors } from '../protocol/errors/call-errors.ts';
import { wireErrors } from '../protocol/errors/wire-errors.ts';
import type { JsonObject } from '../protocol/parse/schema-check.ts';
import { receiveForm } from './audio/upload-form.ts';
import { type BodyLimits, readBody } from './body.ts';
import { parseJsonObject } from './json-body.ts';
import { HttpRefusal } from './refusal.ts';

/** The body of a request for a call. */
export interface CallBody {
  /** In SDP. */
  offer: string;
  /** The part `session` of a form. */
  session?: JsonObject;
}

/**
 * Reads an SDP offer: the body itself, or the part `sdp` of a form, as a field or as a file.
 * @throws {HttpRefusal} or {WireError} when the body cannot be read
 */
export async function readCallBody(
  incoming: IncomingMessage,
  { body, offerBytes }: { body: BodyLimits; offerBytes: number },
): Promise<CallBody> {
  const type = incoming.headers['content-type'] ?? '';
  if (/^application\/sdp *(;|$)/i.test(type)) {
    return { offer: new TextDecoder().decode(await readBody(incoming, { ...body, maxBytes: offerBytes })) };
  }
  if (!/^multipart\/form-data *;/i.test(type)) throw new HttpRefusal(415, callErrors.notAnOffer(type));
  const pieces: Buffer[] = [];
  const fields = await receiveForm(incoming, body, {
    fileName: 'sdp',
    takeFile: (piece) => pieces.push(piece),
    maxFieldBytes: body.maxBytes,
  });
  const offer = fields.sdp ?? (pieces.length > 0 ? Buffer.concat(pieces).toString() : undefined);
  if (offer === undefined) throw wireErrors.missingParameter('sdp');
  return { offer, ...(fields.session !== undefined && { session: parseJsonObject(fields.session) }) };
}
