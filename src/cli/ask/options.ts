/** The command line of `parley ask`. */

import type { ParseArgsConfig } from 'node:util';
import { realtimePath } from '../../transport/websocket/handshake.ts';
import { parseFlags, UsageError } from '../flags.ts';

export type Approval = 'ask' | 'always' | 'never';
export type TurnMode = 'none' | 'server_vad' | 'semantic_vad';

export interface AskOptions {
  /** The path of a WAV file, or the text of a question: the command determines which. Undefined: a dialogue. */
  question: string | undefined;
  turn: TurnMode;
  url: string;
  model: string;
  key: string | undefined;
  voice: string | undefined;
  instructions: string | undefined;
  /** The path of a file of tools (`tools.ts`). */
  tools: string | undefined;
  /** Whether calls that need approval are approved; `ask`: the user decides about each. */
  approve: Approval;
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
  npm run ask                        a dialogue: one question per line, Ctrl-D ends it

Options
  --turn MODE    how the end of a turn is detected: server_vad (default), semantic_vad,
                 or none (the whole file is one question)
  --port PORT    the port of a server on this machine (default 8080, or PARLEY_PORT)
  --url URL      the URL of an endpoint: ws:, wss:, http: or https:; default path: /v1/realtime
  --model NAME   the requested model (default gpt-realtime)
  --key KEY      the API key, if the server requires one
  --voice NAME   alloy, ash, ballad, coral, echo, sage, shimmer, verse, marin or cedar
  --instructions TEXT
                 instructions of the session
  --tools FILE   tools of the session: a JSON array of functions and MCP servers, as in
                 session.update. The optional "output" of a function is returned when the
                 model calls it
  --approve MODE whether calls of MCP tools that need approval are approved: ask (default),
                 always, or never. Without a terminal, ask means never
  --out FILE     the file for the audio of the answers, as played (default answer.wav)
  --fast         send the recording immediately instead of in real time
  --insecure     accept any certificate with wss://, for example that of your own server
                 with --tls self-signed
  --help         this text

WAV files of any common format and sample rate are accepted. They are sent in real time, so a
recording with several questions, or with interruptions, is a conversation. Times are relative
to the first sample. The exit code is 0 if there was an answer.
`;

const approvals: readonly string[] = ['ask', 'always', 'never'] satisfies Approval[];
const turnModes: readonly string[] = ['none', 'server_vad', 'semantic_vad'] satisfies TurnMode[];

/**
 * Parses the arguments after `ask`. Returns `help` if it was requested.
 * @throws {UsageError}
 */
export function parseOptions(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): AskOptions | 'help' {
  const { values, positionals } = parseFlags('ask', argv, flags, { positionals: true });
  if (values.help === true) return 'help';
  const question = positionals.join(' ').trim();
  const turn = values.turn ?? 'server_vad';
  if (!isTurnMode(turn)) throw new UsageError(`--turn is one of ${turnModes.join(', ')}; got "${turn}".`);
  const approve = values.approve ?? 'ask';
  if (!isApproval(approve)) throw new UsageError(`--approve is one of ${approvals.join(', ')}; got "${approve}".`);
  return {
    question: question === '' ? undefined : question,
    turn,
    url: endpoint(values, environment),
    model: values.model ?? 'gpt-realtime',
    key: values.key,
    voice: values.voice,
    instructions: values.instructions,
    tools: values.tools,
    approve,
    out: values.out ?? 'answer.wav',
    fast: values.fast ?? false,
    insecure: values.insecure ?? false,
  };
}

const flags = {
  turn: { type: 'string' },
  port: { type: 'string' },
  url: { type: 'string' },
  model: { type: 'string' },
  key: { type: 'string' },
  voice: { type: 'string' },
  instructions: { type: 'string' },
  tools: { type: 'string' },
  approve: { type: 'string' },
  out: { type: 'string' },
  fast: { type: 'boolean' },
  insecure: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsConfig['options'];

function isApproval(value: string): value is Approval {
  return approvals.includes(value);
}

function isTurnMode(value: string): value is TurnMode {
  return turnModes.includes(value);
}

function endpoint(
  { url, port }: { url?: string | undefined; port?: string | undefined },
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if (url !== undefined && port !== undefined) throw new UsageError('Give --url or --port, not both.');
  if (url !== undefined) return endpointAt(url);
  // An empty variable counts as unset, as it does for the server.
  const [name, value] = port === undefined ? ['PARLEY_PORT', environment.PARLEY_PORT || '8080'] : ['--port', port];
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > 65_535) {
    throw new UsageError(`${name} is a number from 1 to 65535; got "${value}".`);
  }
  return `ws://127.0.0.1:${number}${realtimePath}`;
}

/** The Realtime endpoint of an address: as it stands, or with the path that is missing from it. */
function endpointAt(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `ws://${text}`);
  if (url === null || url.host === '' || !['ws:', 'wss:', 'http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(`--url is an address such as ws://127.0.0.1:8080/v1/realtime; got "${text}".`);
  }
  // An API's base address, as SDKs take it, ends with /v1.
  if (/^\/(?:v1\/?)?$/.test(url.pathname)) url.pathname = realtimePath;
  return url.href;
}
