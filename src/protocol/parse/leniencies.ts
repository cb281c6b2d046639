/** Invalid events that Parley accepts although the hosted service refuses them (docs/protocol.md §9). */

import { type WireError, wireErrors } from '../errors/wire-errors.ts';
import { type Check, type JsonObject, type Leniency, lenientCheck, strictCheck } from './schema-check.ts';

/** A leniency that an event needs, and the hosted service's error. */
interface UsedLeniency {
  leniency: Leniency;
  refusal: WireError;
}

export interface CheckSettings {
  /** Drops unknown fields instead of refusing them. */
  lenient: boolean;
  /** `hosted` refuses events that need a leniency. */
  strict: 'off' | 'hosted';
}

/** How a server checks the events of a dialect. */
export function configuredCheck(dialect: 'ga' | 'beta', { lenient, strict }: CheckSettings): Check {
  const check = lenient ? lenientCheck(dialect) : strictCheck(dialect);
  if (dialect === 'beta') return check;
  return (schema, event, notices) => {
    // Before validation, because schemas fill in defaults.
    const used = [...leniencies(event)];
    const checked = check(schema, event, notices);
    for (const { leniency, refusal } of used) {
      if (strict === 'hosted') throw refusal;
      notices?.accepted(leniency);
    }
    return checked;
  };
}

function* leniencies({ session, response, item }: JsonObject): Generator<UsedLeniency> {
  const settings = [
    ['session.audio.input', at(session, 'audio', 'input')],
    ['session.audio.output', at(session, 'audio', 'output')],
    ['response.audio.output', at(response, 'audio', 'output')],
  ] as const;
  for (const [path, audio] of settings) {
    if (at(audio, 'format', 'type') !== 'audio/pcm' || at(audio, 'format', 'rate') !== undefined) continue;
    yield { leniency: 'pcm_without_rate', refusal: wireErrors.missingParameter(`${path}.format.rate`) };
  }
  const input = at(response, 'input');
  const inputItems = Array.isArray(input)
    ? input.map((each, index) => [`response.input[${index}]`, each] as const)
    : [];
  for (const [path, each] of [['item', item] as const, ...inputItems]) {
    const content = at(each, 'content');
    const index = Array.isArray(content) ? content.findIndex((part) => at(part, 'type') === 'output_audio') : -1;
    if (index < 0) continue;
    const refusal = wireErrors.invalidValue(`${path}.content[${index}].type`, 'output_audio', ['output_text']);
    yield { leniency: 'assistant_output_audio', refusal };
  }
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((inner, key) => {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, key)) return undefined;
    return Reflect.get(inner, key);
  }, value);
}
