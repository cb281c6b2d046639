/** The command line of `parley ask`. */

import type { ParseArgsConfig } from 'node:util';
import { parseFlags, UsageError } from '../flags.ts';

export type TurnMode = 'none' | 'server_vad' | 'semantic_vad';

export interface AskOptions {
  /** The path of a WAV file, or the text of a question; the command determines which. */
  question: string;
  turn: TurnMode;
  url: string;
  model: string;
  key: string | undefined;
  voice: string | undefined;
  /** Path of the answer. */
  out: string;
  /** Send the recording as fast as the connection allows, instead of in real time. */
  fast: boolean;
  /** Accept untrusted certificates. */
  insecure: boolean;
}

export const usage = `Ask a running Parley (or any other Realtime endpoint) a question, by voice or by text.

  npm run ask -- question.wav
  npm run ask -- "What time is it?"

Options
  --turn MODE    who decides that you have finished speaking: server_vad (default),
                 semantic_vad, or none (the whole file is one question)
  --url URL      the endpoint (default ws://127.0.0.1:8080/v1/realtime)
  --model NAME   the model to ask for (default gpt-realtime)
  --key KEY      the API key, where the server wants one
  --voice NAME   alloy, ash, ballad, coral, echo, sage, shimmer, verse, marin or cedar
  --out FILE     where to write what a listener would have heard (default answer.wav)
  --fast         send the recording at once instead of in real time
  --insecure     accept any certificate at wss://, for a server of your own such as one
                 that was started with --tls self-signed
  --help         this text

A WAV file of any usual kind and rate will do. It is sent at the pace of speech, so that a
recording with several questions, or with interruptions, is a conversation. Times are
counted from its first sample. The exit code is 0 when an answer came.
`;

const turnModes: readonly string[] = ['none', 'server_vad', 'semantic_vad'] satisfies TurnMode[];

/**
 * Parses the arguments after `ask`. Returns `help` if it was requested.
 * @throws {UsageError}
 */
export function parseOptions(argv: readonly string[]): AskOptions | 'help' {
  const { values, positionals } = parseFlags('ask', argv, flags, { positionals: true });
  if (values.help === true) return 'help';
  const question = positionals.join(' ').trim();
  if (question === '') throw new UsageError('Say what to ask: the path of a WAV file, or a text in quotes.');
  const turn = values.turn ?? 'server_vad';
  if (!isTurnMode(turn)) throw new UsageError(`--turn is one of ${turnModes.join(', ')}; got "${turn}".`);
  return {
    question,
    turn,
    url: checkedUrl(values.url ?? 'ws://127.0.0.1:8080/v1/realtime'),
    model: values.model ?? 'gpt-realtime',
    key: values.key,
    voice: values.voice,
    out: values.out ?? 'answer.wav',
    fast: values.fast ?? false,
    insecure: values.insecure ?? false,
  };
}

const flags = {
  turn: { type: 'string' },
  url: { type: 'string' },
  model: { type: 'string' },
  key: { type: 'string' },
  voice: { type: 'string' },
  out: { type: 'string' },
  fast: { type: 'boolean' },
  insecure: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

function isTurnMode(value: string): value is TurnMode {
  return turnModes.includes(value);
}

function checkedUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !['ws:', 'wss:', 'http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(`--url is a WebSocket address such as ws://127.0.0.1:8080/v1/realtime; got "${text}".`);
  }
  return text;
}
