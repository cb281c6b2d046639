/** The options of each kind of engine: the engine itself and, if it can be remote, its key. */

import { type EngineSpec, type KeyOption, keyOption } from '../engines/spec/engine-spec.ts';
import { type EngineKind, engineKinds, forEachKind, requestKinds } from '../session/ports/engines.ts';
import { engine } from './engine-kind.ts';
import { type Option, option } from './option.ts';
import { secretKey } from './upstream-kind.ts';

const descriptions: Readonly<Record<EngineKind, string>> = {
  voiceActivity: 'The engine that detects speech: embedded, or silero:FILE (docs/engines.md).',
  transcriber:
    'The engine that transcribes speech: embedded, or the URL of a server with the name of its model, as in http://127.0.0.1:8000/v1#whisper-small.',
  languageModel:
    'The engine that answers: embedded is a stand-in that follows a few rules, auto uses an Ollama or a llama.cpp server of this machine, and a URL names any server, as in http://127.0.0.1:11434/v1#llama3.2 (docs/engines.md).',
  voice: 'The engine that speaks: embedded, or a URL, as in http://127.0.0.1:8880/v1#kokoro.',
};

const keyDescription = (flag: string) =>
  `The key of the server that ${flag} names. Prefer the environment or a file: other users can see the flags of a process.`;

type EngineOption<T> = Omit<Option<T>, 'group'>;
type KeyOptions = Record<KeyOption, EngineOption<string | undefined>>;

export const engineOptions = forEachKind<Record<EngineKind, EngineOption<EngineSpec>>>((kind) =>
  option<EngineSpec>(engine(kind), 'embedded', descriptions[kind], { short: engineKinds[kind].short }),
);

export const engineKeyOptions = Object.fromEntries(
  requestKinds.map((kind) => [
    keyOption(kind),
    option<string | undefined>(secretKey(), undefined, keyDescription(`--${engineKinds[kind].short}`)),
  ]),
) as KeyOptions;
