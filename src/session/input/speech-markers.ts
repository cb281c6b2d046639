import type { TranscriptEvent } from '../ports/transcriber.ts';
import { isSpeakable } from '../speech/speech-text.ts';
import { textBounds } from '../speech/text-bounds.ts';

/** The brackets of a marker such as `[BLANK_AUDIO]`, `(wind blowing)`, `*sighs*` or `♪ la la ♪`. */
const pairs = ['[]', '()', '{}', '<>', '（）', '［］', '【】', '〔〕', '**', '♪♪', '♫♫', '♬♬', '♩♩'];
const parts = pairs.map(([open = '', close = '']) => {
  const [first, last] = [RegExp.escape(open), RegExp.escape(close)];
  return { first: `${first}{1,3}`, last: `${last}{1,3}`, inside: `[^${first}${last}]` };
});
const marker = new RegExp(
  parts.map(({ first, inside, last }) => `${first}${inside}{1,${textBounds.marker}}${last}`).join('|'),
  'gu',
);
/** A marker that later text may close. */
const openMarker = new RegExp(
  `(?:${parts.map(({ first, inside }) => `${first}${inside}{0,${textBounds.marker}}`).join('|')})$`,
  'u',
);

/** Whether a transcript has a letter or a digit outside the markers that transcribers write for silence and noise. */
function saysSomething(transcript: string): boolean {
  return isSpeakable(withoutMarkers(transcript));
}

function withoutMarkers(text: string): string {
  return text.length > textBounds.blankTranscript ? text : text.replace(marker, ' ');
}

/** The end of a text that may become a marker. */
function openEnd(text: string): string {
  return openMarker.exec(text.slice(-textBounds.marker - 3))?.[0] ?? '';
}

/**
 * Replaces a transcript that consists of markers for silence and noise by a blank one. Events are held back until the
 * first speech; then they follow unchanged, including markers.
 */
export async function* blankMarkers(
  events: AsyncIterable<TranscriptEvent>,
): AsyncGenerator<TranscriptEvent, void, undefined> {
  const held: TranscriptEvent[] = [];
  let speaks = false;
  // The text that may become a marker; closed markers need not be examined again.
  let open = '';
  for await (const event of events) {
    if (speaks) {
      yield event;
      continue;
    }
    if (event.type === 'delta') {
      const text = withoutMarkers(open + event.text);
      open = openEnd(text);
      speaks = isSpeakable(text.slice(0, text.length - open.length));
    } else {
      speaks = saysSomething(event.text);
    }
    if (!speaks && event.type === 'done') {
      const { logprobs: _ofMarkers, ...done } = event;
      return yield { ...done, text: '' };
    }
    held.push(event);
    if (speaks) yield* held.splice(0);
  }
}
