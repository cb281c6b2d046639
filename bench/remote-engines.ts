/** The cost of engines over HTTP beside a plain `fetch` loop, and what a session adds to their delays. */

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { instantEngines, tone } from '../dev/harness/instant-engines.ts';
import { samplesToBytes } from '../src/audio/pcm.ts';
import { wavHeader } from '../src/audio/wav.ts';
import { RealtimeClient } from '../src/cli/realtime-client.ts';
import { systemClock } from '../src/core/clock.ts';
import { ChatModel } from '../src/engines/openai/chat-model.ts';
import { createEngineSets } from '../src/engines/spec/engine-sets.ts';
import { startServer } from '../src/server/server.ts';
import type { ModelRequest } from '../src/session/ports/language-model.ts';
import { type Figure, type Section, summarise } from './figures.ts';

const streamTokens = 2000;

const request = (signal: AbortSignal): ModelRequest => ({
  model: 'm',
  instructions: '',
  items: [{ type: 'message', role: 'user', content: [{ type: 'text', text: 'Go on.' }] }],
  tools: [],
  toolChoice: 'auto',
  maxOutputTokens: 'inf',
  spoken: false,
  signal,
});

interface Streamed {
  firstMs: number;
  perChunkUs: number;
}

export async function remoteEngines({ rounds, turns }: { rounds: number; turns: number }): Promise<Section> {
  let pace: RemotePace = { tokenMs: 0, tokens: streamTokens, speechMs: 0 };
  const server = await RemoteServer.start(() => pace);
  const model = new ChatModel({ url: server.url, model: 'm' });
  try {
    const ways = { engine: () => throughEngine(model), plain: () => throughFetch(server.url) };
    const streams = await inTurns(ways, rounds);
    pace = { tokenMs: 2, tokens: 3, speechMs: 0 };
    const firsts = await inTurns(ways, rounds);
    pace = { tokenMs: 10, tokens: 1000, speechMs: 100 };
    const cancels: number[] = [];
    for (let round = 0; round < rounds; round++) cancels.push(await cancelMs(model, server));
    const added = await sessionDelays(server, turns);
    return {
      title: 'Engines over HTTP',
      how:
        `A server on loopback streams ${streamTokens} tokens as fast as they are read, to the engine and to a loop over fetch that splits lines and parses JSON, in turns (n rounds); ` +
        '"first token" is of a server that sends one every 2 ms. Then 100 tokens a second, with a voice of real-time factor 0.1. "added to the first audio" is from response.create to the first audio delta, less what the server itself took for the first sentence and for its first sound.',
      figures: figures(streams, firsts, cancels, added),
      warnings: [],
    };
  } finally {
    await model.close();
    server.close();
  }
}

type Ways = { engine: Streamed[]; plain: Streamed[] };

/** Both variants in each round, in alternating order; the first round does not count. */
async function inTurns(ways: { [Way in keyof Ways]: () => Promise<Streamed> }, rounds: number): Promise<Ways> {
  const streams: Ways = { engine: [], plain: [] };
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? (['engine', 'plain'] as const) : (['plain', 'engine'] as const);
    for (const way of order) {
      const streamed = await ways[way]();
      if (round > 0) streams[way].push(streamed);
    }
  }
  return streams;
}

function figures(streams: Ways, firsts: Ways, cancels: readonly number[], added: readonly number[]): Figure[] {
  const chunk = ({ perChunkUs }: Streamed) => perChunkUs;
  const first = ({ firstMs }: Streamed) => firstMs;
  const difference = ({ engine, plain }: Ways, of: (streamed: Streamed) => number) =>
    engine.map((streamed, round) => of(streamed) - of(plain[round] ?? streamed));
  return [
    { name: 'a streamed chunk, through the engine', unit: 'µs', ...summarise(streams.engine.map(chunk)) },
    { name: '  in a plain fetch loop', unit: 'µs', ...summarise(streams.plain.map(chunk)) },
    { name: '  difference', unit: 'µs', ...summarise(difference(streams, chunk)) },
    { name: 'added to the first token', unit: 'ms', ...summarise(difference(firsts, first)), aim: { median: 1 } },
    { name: 'from cancel to the end of the request', unit: 'ms', ...summarise(cancels) },
    { name: 'added to the first audio of a response', unit: 'ms', ...summarise(added), aim: { median: 5 } },
  ];
}

async function throughEngine(model: ChatModel): Promise<Streamed> {
  const startedAt = performance.now();
  let firstMs = 0;
  let chunks = 0;
  for await (const event of model.generate(request(new AbortController().signal))) {
    if (event.type !== 'text') continue;
    firstMs ||= performance.now() - startedAt;
    chunks++;
  }
  return { firstMs, perChunkUs: (1000 * (performance.now() - startedAt - firstMs)) / chunks };
}

async function throughFetch(url: string): Promise<Streamed> {
  const startedAt = performance.now();
  let firstMs = 0;
  let chunks = 0;
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Go on.' }], stream: true });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/chat/completions`, { method: 'POST', headers, body });
  const decoder = new TextDecoder();
  let pending = '';
  for await (const bytes of response.body ?? []) {
    const lines = (pending + decoder.decode(bytes, { stream: true })).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data: {')) continue;
      const chunk: { choices: { delta: { content?: string } }[] } = JSON.parse(line.slice(6));
      if (chunk.choices[0]?.delta.content === undefined) continue;
      firstMs ||= performance.now() - startedAt;
      chunks++;
    }
  }
  return { firstMs, perChunkUs: (1000 * (performance.now() - startedAt - firstMs)) / chunks };
}

async function cancelMs(model: ChatModel, server: RemoteServer): Promise<number> {
  const abort = new AbortController();
  const closed = new Promise<void>((resolve) => {
    server.onClosed = resolve;
  });
  const events = model.generate(request(abort.signal));
  await events.next();
  const cancelledAt = performance.now();
  abort.abort();
  await events.next().catch(() => {});
  await closed;
  return server.times.closed - cancelledAt;
}

/** Milliseconds of each response that were not spent in the engines. */
async function sessionDelays(remote: RemoteServer, turns: number): Promise<number[]> {
  const { voiceActivity, transcriber } = instantEngines().engines;
  const engines = createEngineSets(
    {
      default: { languageModel: { url: remote.url, model: 'm' }, voice: { url: remote.url, model: 'v' } },
      sets: {},
      aliases: {},
    },
    {
      clock: systemClock,
      given: {
        voiceActivity: { name: 'instant', engine: voiceActivity },
        transcriber: { name: 'instant', engine: transcriber },
      },
    },
  );
  const server = await startServer({ engines, config: { port: 0, logLevel: 'silent' } });
  const client = new RealtimeClient(`${server.wsUrl}?model=gpt-realtime`);
  const added: number[] = [];
  try {
    await client.until('session.created');
    for (let turn = 0; turn <= turns; turn++) {
      const startedAt = performance.now();
      client.send({ type: 'response.create' });
      await client.until('response.output_audio.delta');
      const wholeMs = performance.now() - startedAt;
      const { chat, sentence, speech, sound } = remote.times;
      if (turn > 0) added.push(wholeMs - (sentence - chat) - (sound - speech));
      client.send({ type: 'response.cancel' });
      await client.until('response.done');
    }
  } finally {
    client.socket.terminate();
    await server.close();
  }
  return added;
}

const rateHz = 24_000;
const chunkMs = 100;

export interface RemotePace {
  /** Milliseconds between two tokens; 0 streams as fast as the reader. */
  tokenMs: number;
  tokens: number;
  /** Milliseconds that one second of speech takes to generate; 100 is a real-time factor of 0.1. */
  speechMs: number;
}

/** One sentence, repeated. */
const words = ['Well,', ' this', ' is', ' a', ' sentence', ' of', ' eight', ' words. '];

export class RemoteServer {
  readonly url: string;
  /**
   * Times of the last requests: chat arrived, its first sentence was sent, it was closed; speech arrived, its first
   * audio was sent.
   */
  readonly times = { chat: 0, sentence: 0, closed: 0, speech: 0, sound: 0 };
  readonly #close: () => void;
  onClosed: () => void = () => {};

  private constructor(url: string, close: () => void) {
    this.url = url;
    this.#close = close;
  }

  static async start(pace: () => RemotePace): Promise<RemoteServer> {
    const server = createServer(async (request, response) => {
      for await (const _ of request);
      if (request.url === '/v1/chat/completions') await remote.#chat(response, pace());
      else if (request.url === '/v1/audio/speech') await remote.#speak(response, pace());
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{"data":[]}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const remote = new RemoteServer(`http://127.0.0.1:${port}/v1`, () => {
      server.close();
      server.closeAllConnections();
    });
    return remote;
  }

  close(): void {
    this.#close();
  }

  async #chat(response: ServerResponse, { tokenMs, tokens }: RemotePace): Promise<void> {
    this.times.chat = performance.now();
    response.on('close', () => {
      this.times.closed = performance.now();
      this.onClosed();
    });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let token = 0; token < tokens && !response.destroyed; token++) {
      if (tokenMs > 0) await sleep(tokenMs);
      if (token === words.length - 1) this.times.sentence = performance.now();
      const content = words[token % words.length];
      const written = response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
      if (!written) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
    }
    response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
  }

  async #speak(response: ServerResponse, { speechMs }: RemotePace): Promise<void> {
    this.times.speech = performance.now();
    const chunk = samplesToBytes(tone(chunkMs, rateHz));
    response.writeHead(200, { 'content-type': 'audio/wav' });
    await sleep((speechMs * chunkMs) / 1000);
    this.times.sound = performance.now();
    response.write(wavHeader(rateHz));
    for (let sent = 0; sent < 10 && !response.destroyed; sent++) {
      response.write(chunk);
      await sleep((speechMs * chunkMs) / 1000);
    }
    response.end();
  }
}
