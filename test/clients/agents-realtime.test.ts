/**
 * The official agents SDK's `RealtimeSession` over its WebSocket transport, unmodified: a spoken turn that runs a tool,
 * the history of the SDK, and an interruption that truncates (docs/protocol.md §3, §4).
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';
import { type EngineSet, type ParleyServer, startServer } from '../../src/server/server.ts';
import { embeddedEngines, spokenQuestion } from '../support/embedded.ts';
import { frameCheck } from '../support/frame-check.ts';
import { silentLog } from '../support/server.ts';
import { timeout } from './sdk-caller.ts';

let engines: EngineSet;
let server: ParleyServer;

before(async () => {
  engines = await embeddedEngines();
  server = await startServer({ engines, config: { port: 0 }, log: silentLog });
});
after(() => server.close());

/**
 * Resolves when `holds` returns true, checked after each event of the transport; rejects on the session's first error.
 */
function reached(session: RealtimeSession, holds: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => holds() && resolve();
    session.transport.on('*', look);
    session.on('history_updated', look);
    session.on('error', ({ error }) => reject(error instanceof Error ? error : new Error(JSON.stringify(error))));
    look();
  });
}

function arrayBuffer(samples: Int16Array): ArrayBuffer {
  return samples.slice().buffer;
}

test('a spoken turn with a tool, its history, and an interruption', { timeout }, async () => {
  const asked: string[] = [];
  const getWeather = tool({
    name: 'get_weather',
    description: 'Get the current weather in a city',
    parameters: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      asked.push(city);
      const numbers = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen';
      return `It is sunny. ${numbers}.`;
    },
  });
  const agent = new RealtimeAgent({ name: 'Weather', instructions: 'Help with the weather.', tools: [getWeather] });
  const transport = new OpenAIRealtimeWebSocket({ url: `${server.wsUrl}?model=gpt-realtime` });
  const check = frameCheck('ga');
  transport.on('connection_change', (status) => {
    if (status !== 'connecting') return;
    transport.connectionState.websocket?.addEventListener('message', ({ data }) => check(String(data)));
  });
  const session = new RealtimeSession(agent, {
    transport,
    model: 'gpt-realtime',
    tracingDisabled: true,
    config: {
      audio: {
        input: {
          transcription: { model: 'whisper-1' },
          turnDetection: { type: 'server_vad', interruptResponse: true },
        },
      },
    },
  });
  const seen: { type: string }[] = [];
  transport.on('*', (event) => seen.push(event));
  await session.connect({ apiKey: 'any' });
  try {
    session.sendAudio(arrayBuffer(await spokenQuestion(engines, 'What is the weather in Paris?')));
    await reached(session, () => seen.some((event) => event.type === 'response.output_audio.delta'));
    assert.deepEqual(asked, ['Paris']);

    session.sendAudio(arrayBuffer(await spokenQuestion(engines, 'Stop, please.', 200)));
    await reached(session, () => seen.some((event) => event.type === 'conversation.item.truncated'));
    await reached(session, () => seen.filter((event) => event.type === 'response.done').length >= 2);
    const statuses = seen.flatMap((event) =>
      event.type === 'response.done' && 'response' in event ? [Reflect.get(Object(event.response), 'status')] : [],
    );
    assert.deepEqual(statuses.slice(0, 2), ['completed', 'cancelled']);

    const kinds = session.history.map((item) => (item.type === 'message' ? item.role : item.type));
    assert.deepEqual(kinds.slice(0, 3), ['user', 'function_call', 'assistant']);
    const [user, call] = session.history;
    assert.match(JSON.stringify(user), /weather in Paris/i);
    assert.match(JSON.stringify(call), /sunny/);
  } finally {
    session.close();
  }
});
