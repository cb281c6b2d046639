/** The events of a view of a session (docs/sessions.md), read from a stream of server-sent events. */

import { sizeOf } from '../event-summary.js';
import { SessionsProblem } from './sessions-api.js';

/** @typedef {import('../realtime-client.js').ServerEvent} ServerEvent */
/** @typedef {import('./sessions-api.js').SessionRow} SessionRow */
/** @typedef {'session_ended' | 'too_slow' | 'failed'} EndReason */
/**
 * @typedef {{ type: 'parley.view.opened', session: SessionRow }
 *   | { type: 'parley.view.omitted', event_type: string, event_id: string }
 *   | { type: 'parley.view.closed', reason: EndReason }} ViewEvent
 */

/** The server sends events of at most 64 Ki characters. */
const maxUnread = 1_000_000;

/**
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} stream of server-sent events (WHATWG HTML, section 9.2), each with one line of data
 * @param {(event: ServerEvent | ViewEvent, bytes: number) => void} onEvent
 * @returns {Promise<void>} at the end of the stream
 * @throws {SessionsProblem} if the connection is lost
 */
export async function readEvents(stream, onEvent) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let unread = '';
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new SessionsProblem('The connection to the server was lost.', 0);
    });
    if (done) return;
    const messages = (unread + value).split('\n\n');
    unread = messages.pop() ?? '';
    if (unread.length > maxUnread) throw new SessionsProblem('The view has an event that is too long.', 0);
    for (const message of messages) {
      // Other messages are comments.
      if (!message.startsWith('data: ')) continue;
      const json = message.slice('data: '.length);
      onEvent(JSON.parse(json), sizeOf(json));
    }
  }
}
