/** A transcript as `verbose_json`, SubRip (`srt`) or WebVTT (`vtt`), as OpenAI's "Create transcription" has them. */

import type { TranscriptEvent } from '../../session/ports/transcriber.ts';

/** Seconds from the start of the audio. */
export interface Segment {
  start: number;
  end: number;
  text: string;
  speaker?: string;
}

/** The segments of the engine or, where it has none, one that spans the audio. */
export function segmentsOf(events: readonly TranscriptEvent[], text: string, seconds: number): Segment[] {
  const segments = events.filter((event) => event.type === 'segment');
  if (segments.length > 0)
    return segments.map(({ start, end, text: said, speaker }) => ({ start, end, text: said, speaker }));
  return text === '' ? [] : [{ start: 0, end: seconds, text }];
}

/** `language`: an ISO-639-1 code. Segments have no tokens or probabilities, which engines do not report by segment. */
export function verboseTranscript(about: {
  text: string;
  language: string | undefined;
  seconds: number;
  segments: readonly Segment[];
}): object {
  return {
    task: 'transcribe',
    language: languageName(about.language),
    duration: about.seconds,
    text: about.text,
    segments: about.segments.map((segment, id) => ({ id, ...segment })),
  };
}

/** `english` for `en`, as the hosted API names languages. */
function languageName(code: string | undefined): string {
  try {
    return new Intl.DisplayNames('en', { type: 'language' }).of(code ?? '')?.toLowerCase() ?? 'unknown';
  } catch {
    return 'unknown';
  }
}

export function subRip(segments: readonly Segment[]): string {
  return segments
    .map(
      ({ start, end, text }, at) =>
        `${at + 1}\n${timestamp(start, ',')} --> ${timestamp(end, ',')}\n${oneLine(text)}\n\n`,
    )
    .join('');
}

export function webVtt(segments: readonly Segment[]): string {
  const cues = segments.map(
    ({ start, end, text }) => `${timestamp(start, '.')} --> ${timestamp(end, '.')}\n${escapeCue(oneLine(text))}\n\n`,
  );
  return `WEBVTT\n\n${cues.join('')}`;
}

/** `00:01:02,345` */
function timestamp(seconds: number, mark: string): string {
  const ms = Math.round(seconds * 1000);
  const part = (value: number, digits = 2) => String(Math.floor(value)).padStart(digits, '0');
  return `${part(ms / 3_600_000)}:${part((ms / 60_000) % 60)}:${part((ms / 1000) % 60)}${mark}${part(ms % 1000, 3)}`;
}

/** An empty line would end a cue. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** WebVTT reads markup and `-->` in cues (W3C WebVTT §3.2). */
function escapeCue(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
