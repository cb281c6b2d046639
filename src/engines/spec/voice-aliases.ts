import type { EngineKind, Engines } from '../../session/ports/engines.ts';
import type { Voice } from '../../session/ports/voice.ts';
import { traitsOf } from '../decorate.ts';
import type { EngineSetSpec } from './engine-spec.ts';

const adapters: { readonly [Kind in EngineKind]?: (engine: Engines[Kind], set: EngineSetSpec) => Engines[Kind] } = {
  voice: (voice, { voices = {} }) => (Object.keys(voices).length === 0 ? voice : withVoiceAliases(voice, voices)),
};

/** An engine with the settings of its set, such as voice names. */
export function inSet<Kind extends EngineKind>(kind: Kind, engine: Engines[Kind], set: EngineSetSpec): Engines[Kind] {
  return adapters[kind]?.(engine, set) ?? engine;
}

/** A voice with configured names: the engine's voice for each, `*` for all others; other names are passed on. */
export function withVoiceAliases(voice: Voice, aliases: Readonly<Record<string, string>>): Voice {
  const engineName = (name: string): string =>
    Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : (aliases['*'] ?? name);
  const own = Object.keys(aliases).filter((name) => name !== '*');
  // With a voice for all other names, every name is known.
  const voices = aliases['*'] === undefined && voice.voices ? [...new Set([...own, ...voice.voices])] : undefined;
  return {
    ...traitsOf(voice),
    voices,
    speak: (text, options) => voice.speak(text, { ...options, voice: engineName(options.voice) }),
  };
}
