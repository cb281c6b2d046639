import { Writable } from 'node:stream';

/**
 * Makes a WebSocket of `ws` stop reading after a protocol error. A stream continues with its buffered chunks if a write
 * fails synchronously; the receiver of `ws` 8.23 (lib/receiver.js, `getData`) then throws outside of any handler, which
 * ends the process. There are buffered chunks because messages are processed over several turns of the event loop.
 */
export function readNothingAfterError(socket: object): void {
  const receiver: unknown = Reflect.get(socket, '_receiver');
  if (!(receiver instanceof Writable)) return;
  const write = receiver._write.bind(receiver);
  receiver._write = (chunk, encoding, done) => (receiver.errored ? done() : write(chunk, encoding, done));
}
