/** Bodies of requests, read in pieces as they come: nothing is read of a request before its route asks for it. */

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

/** Each piece costs as much as its handling does, however short it is: beyond the first pieces they must not be tiny. */
const freePieces = 1024;
const smallestPieceBytes = 64;
/** After this much, the rest of the process has its turn. */
const sliceBytes = 64 * 1024;

/**
 * Hands a body to `take`, piece by piece, and resolves at its end. The next piece waits for a promise that `take` returns.
 * @throws {HttpRefusal} 413, 408 or 400 when the body is too large, too slow, or cut too small
 * @throws {WireError} when it breaks off
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
    // What is still to come stays in the network; of chunks it is the socket that must be stopped, not their queue.
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
  // A request that ended before anyone listened.
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
