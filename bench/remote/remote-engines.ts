/** The cost of engines over HTTP beside a plain `fetch` loop, and what a session adds to their delays. */

import { instantEngines } from '../../dev/harness/instant-engines.ts';
import { RealtimeClient } from '../../src/cli/realtime-client.ts';
import { systemClock } from '../../src/core/clock.ts';
import { ChatModel } from '../../src/engines/openai/chat-model.ts';
import { createEngineSets } from '../../src/engines/spec/engine-sets.ts';
import { startServer } from '../../src/server/server.ts';
import type { ModelRequest } from '../../src/session/ports/language-model.ts';
import { type Figure, type Section, summarise } from '../figures.ts';
import { contents, startBareConversation } from './bare-conversation.ts';
import { type RemotePace, RemoteServer } from './remote-server.ts';

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
        '"first token" is of a server that sends one every 2 ms. Then 100 tokens a second, with a voice of real-time factor 0.1. "Added to the first audio" is from response.create to the first audio delta, less what the server itself took for the first sentence and for its first sound; the bare loop passes the sentence and the sound on, and does nothing else. Both in turns; each response is cancelled at its first audio, which costs both a new connection.',
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

function figures(streams: Ways, firsts: Ways, cancels: readonly number[], added: Added): Figure[] {
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
    { name: 'added to the first audio of a response', unit: 'ms', ...summarise(added.parley) },
    { name: '  in a bare loop', unit: 'ms', ...summarise(added.bare) },
    { name: '  difference', unit: 'ms', ...summarise(added.difference), aim: { median: 5 } },
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
  for await (const _ of contents(response)) {
    firstMs ||= performance.now() - startedAt;
    chunks++;
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

interface Added {
  parley: number[];
  bare: number[];
  difference: number[];
}

/** Milliseconds of each response that were not spent in the engines. */
async function sessionDelays(remote: RemoteServer, turns: number): Promise<Added> {
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
  const bare = await startBareConversation(remote.url);
  const clients = {
    parley: new RealtimeClient(`${server.wsUrl}?model=gpt-realtime`),
    bare: new RealtimeClient(bare.wsUrl),
  };
  const added: Added = { parley: [], bare: [], difference: [] };
  try {
    for (const client of Object.values(clients)) await client.until('session.created');
    for (let turn = 0; turn < warmUpTurns + turns; turn++) {
      const times = { parley: 0, bare: 0 };
      const order = turn % 2 === 0 ? (['parley', 'bare'] as const) : (['bare', 'parley'] as const);
      for (const way of order) times[way] = await addedMs(clients[way], remote);
      if (turn < warmUpTurns) continue;
      added.parley.push(times.parley);
      added.bare.push(times.bare);
      added.difference.push(times.parley - times.bare);
    }
  } finally {
    for (const client of Object.values(clients)) client.socket.terminate();
    bare.close();
    await server.close();
  }
  return added;
}

/** The first responses are of code that is not compiled yet. */
const warmUpTurns = 10;

async function addedMs(client: RealtimeClient, remote: RemoteServer): Promise<number> {
  const startedAt = performance.now();
  client.send({ type: 'response.create' });
  await client.until('response.output_audio.delta');
  const wholeMs = performance.now() - startedAt;
  const { chat, sentence, speech, sound } = remote.times;
  client.send({ type: 'response.cancel' });
  await client.until('response.done');
  return wholeMs - (sentence - chat) - (sound - speech);
}
