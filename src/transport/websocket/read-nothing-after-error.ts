import { Writable } from 'node:stream';

/**
 * Has a WebSocket of `ws` read nothing behind what broke the protocol. A stream goes on with the chunks that it holds when
 * a write fails before it returns; the receiver of `ws` 8.23 (lib/receiver.js, `getData`) then throws outside of any
 * handler, which ends the process. Such chunks are there because messages are handled in turns of the event loop.
 */
export function readNothingAfterError(socket: object): void {
  const receiver: unknown = Reflect.get(socket, '_receiver');
  if (!(receiver instanceof Writable)) return;
  const write = receiver._write.bind(receiver);
  receiver._write = (chunk, encoding, done) => (receiver.errored ? done() : write(chunk, encoding, done));
}
