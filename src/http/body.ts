/** Streams request bodies. Nothing is read before the route asks for the body, so authentication comes first. */

import type { IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { EventLoopYield } from '../core/event-loop-yield.ts';
import { httpErrors } from '../protocol/errors/http-errors.ts';
import { type PaceLimits, watchPace } from './pace.ts';
import { HttpRefusal, LastRefusal } from './refusal.ts';

export interface BodyLimits extends PaceLimits {
  clock: Clock;
  maxBytes: number;
}

/** Handling a piece has a fixed cost, so beyond the first `freePieces` a body must not consist of tiny ones. */
const freePieces = 1024;
const smallestPieceBytes = 64;
/** Bytes handled per turn of the event loop. */
const sliceBytes = 64 * 1024;

/**
 * Passes a body to `take` in pieces and resolves at its end. If `take` returns a promise, the next piece waits for it.
 * @throws {HttpRefusal} 413, 408 or 400 when the body is too large, too slow, or in too many small pieces
 * @throws {WireError} when the connection closes before the end
 */
export function receiveBody(
  incoming: IncomingMessage,
  limits: BodyLimits,
  take: (piece: Buffer) => Promise<void> | undefined,
): Promise<void> {
  const { maxBytes } = limits;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) {
    reject(new HttpRefusal(413, httpErrors.bodyTooLarge(maxBytes)));
    return promise;
  }
  let bytes = 0;
  let pieces = 0;
  const loop = new EventLoopYield(sliceBytes);
  const stopWatch = watchPace({ ...limits, movedBytes: () => bytes, isWaiting: () => !incoming.isPaused() }, () =>
    settle(new LastRefusal(408, httpErrors.bodyTooSlow(limits))),
  );
  let settled = false;
  const settle = (error?: unknown) => {
    settled = true;
    stopWatch();
    incoming.off('data', onData).off('end', settle).off('close', onClose);
    if (error === undefined) return resolve();
    // The rest stays unread. Pausing the request does not stop the parser of a chunked body; pausing the socket does.
    incoming.pause();
    if (error instanceof LastRefusal) incoming.socket.pause();
    reject(error);
  };
  const onData = (piece: Buffer) => {
    bytes += piece.length;
    pieces += 1;
    if (bytes > maxBytes) return settle(new HttpRefusal(413, httpErrors.bodyTooLarge(maxBytes)));
    if (pieces > freePieces + bytes / smallestPieceBytes) {
      return settle(new LastRefusal(400, httpErrors.bodyInTinyPieces(smallestPieceBytes)));
    }
    try {
      const taken = take(piece);
      const turn = loop.step(piece.length);
      if (taken !== undefined || turn !== undefined) void resumeAfter(taken, turn);
    } catch (error) {
      settle(error);
    }
  };
  const resumeAfter = async (...waits: (Promise<void> | undefined)[]) => {
    incoming.pause();
    try {
      await Promise.all(waits);
      if (!settled) incoming.resume();
    } catch (error) {
      settle(error);
    }
  };
  const onClose = () => settle(httpErrors.bodyBrokeOff());
  incoming.on('data', onData).once('end', settle).once('close', onClose);
  // The client may have disconnected already.
  if (incoming.destroyed) onClose();
  return promise;
}

/** A whole body. @throws as `receiveBody` */
export async function readBody(incoming: IncomingMessage, limits: BodyLimits): Promise<Uint8Array> {
  let buffer = Buffer.allocUnsafe(Math.min(limits.maxBytes, sliceBytes));
  let length = 0;
  await receiveBody(incoming, limits, (piece) => {
    if (length + piece.length > buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(limits.maxBytes, 2 * Math.max(buffer.length, piece.length)));
      buffer.copy(larger, 0, 0, length);
      buffer = larger;
    }
    length += piece.copy(buffer, length);
    return undefined;
  });
  return buffer.subarray(0, length);
}
