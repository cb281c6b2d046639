import { inspect } from 'node:util';
import { isSampleRate } from '../../audio/pcm.ts';
import type { ModelEvent } from '../ports/language-model.ts';

/** The string property that each event of a model must have, if any. */
const eventStrings: ReadonlyMap<unknown, string | undefined> = new Map<ModelEvent['type'], string | undefined>([
  ['text', 'text'],
  ['thinking', undefined],
  ['audio', 'transcript'],
  ['call', 'name'],
  ['call_arguments', 'delta'],
  ['call_end', undefined],
  ['finish', 'reason'],
]);
const finishReasons: readonly unknown[] = ['stop', 'length', 'content_filter'];

/**
 * The defect of an event, if any: models are third-party code, and not all of them are type-checked. `mayBeAudio`:
 * audio was requested.
 */
export function faultOf(event: unknown, { mayBeAudio }: { mayBeAudio: boolean }): string | undefined {
  if (typeof event !== 'object' || event === null) return `${show(event)} where an event was due`;
  const field = (key: string): unknown => Reflect.get(event, key);
  const type = field('type');
  if (!eventStrings.has(type)) return `an unknown event ${show(type)}`;
  if (type === 'audio' && !mayBeAudio) return "an 'audio' event, and was not asked to speak";
  const key = eventStrings.get(type);
  const named = `${type === 'audio' ? 'an' : 'a'} '${type}' event`;
  if (key !== undefined && typeof field(key) !== 'string') return `${named} whose '${key}' is no string`;
  if (type === 'audio') return audioFault(field('samples'), field('sampleRateHz'));
  if (type !== 'finish' || finishReasons.includes(field('reason'))) return undefined;
  return `a 'finish' event with the unknown reason ${show(field('reason'))}`;
}

function audioFault(samples: unknown, rateHz: unknown): string | undefined {
  if (!(samples instanceof Int16Array)) return "an 'audio' event whose 'samples' are no Int16Array";
  return typeof rateHz === 'number' && isSampleRate(rateHz)
    ? undefined
    : `an 'audio' event with the sampleRateHz ${show(rateHz)}`;
}

function show(value: unknown): string {
  return inspect(value, { depth: 0, maxStringLength: 60, breakLength: Infinity }).slice(0, 200);
}
