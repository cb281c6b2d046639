/** Requests to engines as stored and compared in a cassette: plain JSON, without what differs between runs. */

import type { AudioClip } from '../../audio/audio-clip.ts';
import { isObject, withoutAbsent } from '../../core/json.ts';
import type { ContextItem, ModelRequest } from '../../session/ports/language-model.ts';
import type { TranscribeOptions } from '../../session/ports/transcriber.ts';
import type { SpeakOptions } from '../../session/ports/voice.ts';
import { hashOfAudio } from './format.ts';

export type Json = Record<string, unknown>;

/** A request to a model, in text; its items are stored separately, because each request repeats the previous ones. */
export function modelRequest({
  signal: _signal,
  claim: _claim,
  items: _items,
  instructionsOfResponse: _instructed,
  ...settings
}: ModelRequest): Json {
  return withoutAbsent(settings);
}

/**
 * The items of a context. Calls are numbered in order, because their ids differ between runs unless the model assigns
 * them. Audio is identified by its hash.
 */
export function contextItems(items: readonly ContextItem[]): Json[] {
  const calls = new Map<string, string>();
  const numbered = (callId: string) => {
    const known = calls.get(callId) ?? `call ${calls.size + 1}`;
    calls.set(callId, known);
    return known;
  };
  return items.map((item) => {
    if (item.type !== 'message') {
      const { engineCall: _madeAnew, ...rest } = { engineCall: undefined, ...item };
      return { ...rest, callId: numbered(item.callId) };
    }
    const content = item.content.map((part) =>
      part.type === 'audio' ? withoutAbsent({ ...part, clip: describeClip(part.clip) }) : { ...part },
    );
    return { ...item, content };
  });
}

export function transcriberRequest(
  clip: AudioClip,
  { language, languages, keywords, prompt }: TranscribeOptions,
): Json {
  return withoutAbsent({ audio: describeClip(clip), language, languages, keywords, prompt });
}

/** A request to follow an open turn, whose audio is not known yet. */
export function followRequest(
  transcription: number,
  { language, languages, keywords, prompt, delay }: TranscribeOptions,
): Json {
  return withoutAbsent({ transcription, language, languages, keywords, prompt, delay });
}

export function voiceRequest(text: string, { voice, speed }: SpeakOptions): Json {
  return { text, voice, speed };
}

function describeClip(clip: AudioClip): Json {
  return { samples: clip.samples.length, sampleRateHz: clip.sampleRateHz, sha256: hashOfAudio(clip) };
}

/** A description of the first difference between two requests; undefined if there is none. */
export function difference(recorded: unknown, now: unknown, path = ''): string | undefined {
  if (isObject(recorded) && isObject(now)) {
    for (const key of new Set([...Object.keys(recorded), ...Object.keys(now)])) {
      const inner = difference(Reflect.get(recorded, key), Reflect.get(now, key), joinPath(path, key, recorded));
      if (inner !== undefined) return inner;
    }
    return undefined;
  }
  return recorded === now ? undefined : `${path} was ${describeValue(recorded)} and is now ${describeValue(now)}`;
}

function joinPath(path: string, key: string, parent: object): string {
  if (Array.isArray(parent)) return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}

function describeValue(value: unknown): string {
  const text = JSON.stringify(value);
  if (text === undefined) return 'absent';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
