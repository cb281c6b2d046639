/** The conversation of `ask`: configures the session, sends questions, and waits for every answer. */

import { setInterval } from 'node:timers/promises';
import { samplesToBytes } from '../../audio/pcm.ts';
import type { ClientEvent } from '../../protocol/wire/client-events.ts';
import type { ServerEventType } from '../../protocol/wire/server-events.ts';
import type { RealtimeUpdate, TurnDetection } from '../../protocol/wire/session-config.ts';
import { ConnectionError, RealtimeClient } from '../realtime-client.ts';
import { TurnFollower } from './exchange.ts';
import type { AskOptions, TurnMode } from './options.ts';
import { Playback } from './playback.ts';
import type { Report } from './report.ts';
import type { AskTools } from './tools.ts';
import { Upload } from './upload.ts';

/** The rate of `audio/pcm` on the wire. */
export const sampleRateHz = 24_000;

/** Larger than any event of a Realtime session. */
const maxPayloadBytes = 32 * 1024 * 1024;
const handshakeTimeoutMs = 10_000;
const tickMs = 10;
const maxBufferedBytes = 1024 * 1024;
/** After this much silence, speech at the end of a recording has been detected. */
const enoughSilenceMs = 1500;
/** Silence that ends every turn, even with `semantic_vad` at low eagerness. */
const fastSilenceMs = 10_000;
/** Inactivity after which the conversation is over: before and after the first answer. */
const quietMs = { inFlight: 3000, answered: 250 };
/** Maximum wait for the reason of an import that has failed. */
const reasonMs = 1000;
/** Maximum wait for an event while a question is open. */
const stallMs = 30_000;

/** Text, or mono samples at `sampleRateHz`. */
export type Question = { text: string } | { samples: Int16Array };

export interface Outcome {
  answers: number;
  turns: number;
  playback: Playback;
  /** Why it ended early, if it did. */
  problem: string | null;
}

export interface ConversationTools extends AskTools {
  /** Whether a call of a tool that the server runs is approved. */
  approve(): Promise<boolean>;
}

/** An open session, in which one question after another is asked. */
export class Conversation {
  readonly #client: RealtimeClient;
  readonly #options: AskOptions;
  readonly #tools: ConversationTools;
  readonly #report: Report;
  #turnFollower: TurnFollower | undefined;
  #ended: ConnectionError | undefined;

  private constructor(client: RealtimeClient, options: AskOptions, tools: ConversationTools, report: Report) {
    this.#client = client;
    this.#options = options;
    this.#tools = tools;
    this.#report = report;
    client.listen((event) => this.#turnFollower?.receive(event));
    void client.lost.then((error) => {
      this.#ended = error;
    });
  }

  /** @throws {ConnectionError} when the connection fails at the start */
  static async open(options: AskOptions, tools: ConversationTools, report: Report): Promise<Conversation> {
    const client = connect(options);
    const timer = setTimeout(() => client.end('The server did not open a session.'), stallMs);
    try {
      await expectEvent(client, 'session.created');
      client.send({ type: 'session.update', session: sessionUpdate(options, tools) });
      await expectEvent(client, 'session.updated');
      await importsEnded(client, tools, report);
      return new Conversation(client, options, tools, report);
    } catch (error) {
      client.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a question and waits for every answer. */
  async ask(question: Question): Promise<Outcome> {
    const options = this.#options;
    const startedMs = performance.now();
    const now = () => performance.now() - startedMs;
    const playback = new Playback(sampleRateHz);
    const detection = 'samples' in question ? turnDetection(options.turn) : null;
    const follower = new TurnFollower({
      report: this.#report,
      playback,
      now,
      automatic: detection !== null,
      // Silence that is sent at once is not waited for.
      silence:
        detection?.type !== 'server_vad' || options.fast
          ? undefined
          : { policy: detection.type, ms: detection.silence_duration_ms },
      outputs: this.#tools.outputs,
      approve: this.#tools.approve,
      send: (event) => this.#client.send(event),
    });
    this.#turnFollower = follower;
    const ask = 'text' in question ? askInText(question.text, this.#report) : askAloud(question.samples, options);
    let problem: string | null = null;
    for await (const _ of setInterval(tickMs)) {
      const sent = this.#ended === undefined && ask(this.#client, follower, now());
      problem = this.#ended?.message ?? stallAt(now() - follower.lastEventMs, sent, follower);
      if (problem !== null || (sent && isOver(follower, now()))) break;
    }
    this.#report.endLine();
    return { answers: follower.answers, turns: follower.turns, playback, problem };
  }

  /** Whether the connection is over. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  close(): void {
    this.#client.close();
  }
}

function connect({ url: address, model, key, insecure }: AskOptions): RealtimeClient {
  const url = new URL(address);
  if (!url.searchParams.has('model')) url.searchParams.set('model', model);
  if (!url.searchParams.has('parley')) url.searchParams.set('parley', 'ledger');
  return new RealtimeClient(url, {
    headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
    maxPayload: maxPayloadBytes,
    handshakeTimeout: handshakeTimeoutMs,
    perMessageDeflate: false,
    rejectUnauthorized: !insecure,
  });
}

/** Waits for an event. @throws {ConnectionError} when an error comes instead, or the connection ends */
async function expectEvent(client: RealtimeClient, type: ServerEventType): Promise<void> {
  for (;;) {
    const event = await client.next();
    if (event.type === type) return;
    if (event.type === 'error') throw new ConnectionError(describeRefusal(event.error));
  }
}

/**
 * Waits for the tools of MCP servers, which a response offers only when they are imported. Parley sends the reason of a
 * failure right after it; other servers may not send any.
 */
async function importsEnded(client: RealtimeClient, { tools }: AskTools, report: Report): Promise<void> {
  let imports = tools.filter(({ type }) => type === 'mcp').length;
  let reasons = 0;
  while (imports > 0 || reasons > 0) {
    const event = imports > 0 ? await client.next() : await client.nextWithin(reasonMs);
    if (event === undefined) return;
    if (event.type === 'mcp_list_tools.completed' || event.type === 'mcp_list_tools.failed') imports -= 1;
    if (event.type === 'mcp_list_tools.failed') {
      reasons += 1;
      report.line('error', 'The tools of an MCP server are missing.');
    }
    if (event.type === 'error') {
      reasons -= 1;
      report.line('error', event.error.message);
    }
  }
}

function describeRefusal({ code, message }: { code?: string | null; message: string }): string {
  const keyRefused = code === 'invalid_api_key' || message.startsWith('Missing bearer');
  const hint = keyRefused ? ' (give a valid key with --key)' : '';
  return `The server refused: ${message}${hint}`;
}

/** Sends the part of the question that is due. Returns whether it is complete. */
type Ask = (client: RealtimeClient, turnFollower: TurnFollower, nowMs: number) => boolean;

function askInText(text: string, report: Report): Ask {
  let sent = false;
  return (client, turnFollower, nowMs) => {
    if (sent) return true;
    sent = true;
    report.line('you', text, nowMs);
    client.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
    });
    turnFollower.requestResponse();
    return true;
  };
}

function askAloud(samples: Int16Array, { turn, fast }: AskOptions): Ask {
  const silenceMs = turn === 'none' ? 0 : fast ? fastSilenceMs : Infinity;
  const upload = new Upload(samples, { sampleRateHz, trailingSilenceMs: silenceMs, fast });
  let committed = false;
  return (client, turnFollower, nowMs) => {
    for (;;) {
      const chunk = client.socket.bufferedAmount < maxBufferedBytes ? upload.next(nowMs) : null;
      if (chunk === null) break;
      client.send(appendEvent(chunk));
    }
    if (turn === 'none' && !committed && upload.silenceSentMs >= 0) {
      committed = true;
      client.send({ type: 'input_audio_buffer.commit' });
      turnFollower.requestResponse();
    }
    return upload.silenceSentMs >= Math.min(silenceMs, enoughSilenceMs);
  };
}

function appendEvent(samples: Int16Array): ClientEvent {
  return { type: 'input_audio_buffer.append', audio: Buffer.from(samplesToBytes(samples)).toString('base64') };
}

function isOver(turnFollower: TurnFollower, nowMs: number): boolean {
  const quiet = turnFollower.answers > 0 ? quietMs.answered : quietMs.inFlight;
  return turnFollower.awaited() === null && nowMs - turnFollower.lastEventMs >= quiet;
}

function stallAt(silentForMs: number, sent: boolean, turnFollower: TurnFollower): string | null {
  if (!sent || silentForMs < stallMs) return null;
  const awaited = turnFollower.awaited() ?? 'the end of the conversation';
  return `The server has sent nothing for ${stallMs / 1000} s, while waiting for ${awaited}.`;
}

function sessionUpdate({ turn, voice, instructions }: AskOptions, { tools }: AskTools): RealtimeUpdate {
  const format = { type: 'audio/pcm', rate: sampleRateHz } as const;
  return {
    type: 'realtime',
    output_modalities: ['audio'],
    instructions,
    ...(tools.length > 0 && { tools: [...tools] }),
    audio: {
      input: {
        format,
        transcription: { model: 'gpt-4o-mini-transcribe' },
        turn_detection: turnDetection(turn),
      },
      output: { format, ...(voice === undefined ? {} : { voice }) },
    },
  };
}

function turnDetection(turn: TurnMode): TurnDetection | null {
  if (turn === 'none') return null;
  const answering = { create_response: true, interrupt_response: true };
  if (turn === 'semantic_vad') return { type: turn, eagerness: 'auto', ...answering };
  const silence = { threshold: 0.5, prefix_padding_ms: 300, silence_duration_ms: 500, idle_timeout_ms: null };
  return { type: turn, ...silence, ...answering };
}
