/** Requests to engines as a cassette keeps and compares them: plain JSON, without what changes from run to run. */

import type { AudioClip } from '../../audio/audio-clip.ts';
import type { ContextItem, ModelRequest } from '../../session/ports/language-model.ts';
import type { TranscribeOptions } from '../../session/ports/transcriber.ts';
import type { SpeakOptions } from '../../session/ports/voice.ts';
import { hashOfAudio } from './format.ts';

export type Json = Record<string, unknown>;

/** A request to a model in words; its items stand apart, because each request repeats those before it. */
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
 * The items of a context. Calls are numbered in their order: their ids are made anew in every run, unless the model gives
 * them. Audio is told by its hash.
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
      const { engineCall: _madeAnew, ...told } = { engineCall: undefined, ...item };
      return { ...told, callId: numbered(item.callId) };
    }
    const content = item.content.map((part) =>
      part.type === 'audio' ? withoutAbsent({ ...part, clip: describeClip(part.clip) }) : { ...part },
    );
    return { ...item, content };
  });
}

export function transcriberRequest(clip: AudioClip, { language, prompt }: TranscribeOptions): Json {
  return withoutAbsent({ audio: describeClip(clip), language, prompt });
}

export function voiceRequest(text: string, { voice, speed }: SpeakOptions): Json {
  return { text, voice, speed };
}

function describeClip(clip: AudioClip): Json {
  return { samples: clip.samples.length, sampleRateHz: clip.sampleRateHz, sha256: hashOfAudio(clip) };
}

function withoutAbsent(object: object): Json {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** Where two requests first differ, in words; undefined when they do not. */
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

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function describeValue(value: unknown): string {
  const text = JSON.stringify(value);
  if (text === undefined) return 'absent';
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
