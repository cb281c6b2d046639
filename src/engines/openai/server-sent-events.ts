/**
 * Server-sent events (WHATWG HTML, "Server-sent events") with limits, and with the deviations of model servers:
 * errors as `error: {…}` (llama.cpp) or as a line of JSON (Ollama).
 */

import { EventLoopYield } from '../../core/event-loop-yield.ts';
import { excerpt, RequestFailure } from './request-failure.ts';

/** Characters of lines that are processed per turn of the event loop. */
const charactersPerTurn = 128 * 1024;
/** The minimum that a line counts as, because a stream can consist of empty lines or comments. */
const leastCharacters = 64;

export interface EventStreamLimits {
  /** Maximum characters of one event. */
  maxEventCharacters: number;
}

/**
 * Yields the data of each event.
 * @throws {RequestFailure} when an event is too long or the response has no body
 */
export async function* eventData(
  body: AsyncIterable<Uint8Array>,
  { maxEventCharacters }: EventStreamLimits,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  const others = new EventLoopYield(charactersPerTurn);
  /** The chunks of an incomplete line. */
  let pending: string[] = [];
  let pendingLength = 0;
  let data: string | undefined;
  let begun = false;
  let stray = '';
  const check = (length: number) => {
    if (length <= maxEventCharacters) return;
    throw new RequestFailure(`it sent an event of more than ${maxEventCharacters} characters`);
  };
  for await (const bytes of body) {
    const text = decoder.decode(bytes, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      let line = text.slice(start, end);
      if (pending.length > 0) {
        line = `${pending.join('')}${line}`;
        pending = [];
        pendingLength = 0;
      }
      if (line.endsWith('\r')) line = line.slice(0, -1);
      start = end + 1;
      check(line.length);
      const turn = others.step(Math.max(line.length, leastCharacters));
      if (turn) await turn;
      if (line === '') {
        if (data !== undefined) yield data;
        data = undefined;
        continue;
      }
      const added = dataOf(line);
      if (added === undefined) {
        if (!begun && stray === '' && !/^(:|event|id|retry|error)/.test(line)) stray = line;
        continue;
      }
      begun = true;
      if (line.startsWith('{')) {
        // Such a line is an event by itself.
        if (data !== undefined) yield data;
        data = undefined;
        yield added;
        continue;
      }
      data = data === undefined ? added : `${data}\n${added}`;
      check(data.length);
    }
    if (start < text.length) pending.push(text.slice(start));
    pendingLength += text.length - start;
    check(pendingLength);
  }
  const end = pending.join('').replace(/\r$/, '');
  // The last event counts even if the stream ends without a blank line.
  const last = dataOf(end);
  const rest = data === undefined ? last : last === undefined ? data : `${data}\n${last}`;
  if (rest !== undefined) yield rest;
  else if (!begun && `${stray}${end}` !== '') {
    throw new RequestFailure(`it sent something that is not an event stream: "${excerpt(stray || end)}"`);
  }
}

function dataOf(line: string): string | undefined {
  if (line.startsWith('data:')) return line.slice(line[5] === ' ' ? 6 : 5);
  if (line.startsWith('{')) return line;
  if (/^error: ?\{/.test(line)) return `{"error":${line.slice(line.indexOf('{'))}}`;
  return undefined;
}
