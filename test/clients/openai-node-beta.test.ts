/**
 * The official Node SDK's beta socket, unmodified (docs/protocol.md §6): its names, its flat session, and a spoken turn
 * with a tool and an interruption.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/beta/realtime/ws';
import type { RealtimeServerEvent } from 'openai/resources/beta/realtime/realtime';
import { type EngineSet, type ParleyServer, startServer } from '../../src/server/server.ts';
import { embeddedEngines, spokenQuestion, understood, words } from '../support/embedded.ts';
import { silentLog } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { during, SdkCaller, timeout, weatherTool } from './sdk-caller.ts';

type Caller = SdkCaller<RealtimeServerEvent, OpenAIRealtimeWS>;

let engines: EngineSet;
let server: ParleyServer;

before(async () => {
  engines = await embeddedEngines();
  server = await startServer({ engines, config: { port: 0, tls: 'self-signed' }, log: silentLog });
});
after(() => server.close());

async function withCaller(use: (caller: Caller) => Promise<void>): Promise<void> {
  const client = new OpenAI({ apiKey: 'any', baseURL: `${server.url}/v1` });
  const options = { rejectUnauthorized: false };
  const caller: Caller = new SdkCaller(
    new OpenAIRealtimeWS({ model: 'gpt-4o-realtime-preview', options }, client),
    'beta',
  );
  await during(caller, use);
}

test('the session is flat, and the first update of the 2024 clients is accepted', { timeout }, () =>
  withCaller(async (caller) => {
    verifies('R6.17');
    const { session } = await caller.next('session.created');
    assert.deepEqual(
      [session.modalities, session.voice, session.input_audio_format, session.output_audio_format, session.temperature],
      [['text', 'audio'], 'alloy', 'pcm16', 'pcm16', 0.8],
    );
    caller.rt.send({
      type: 'session.update',
      session: {
        modalities: ['text', 'audio'],
        instructions: '',
        voice: 'verse',
        input_audio_format: 'pcm16',
        output_audio_format: 'g711_ulaw',
        tools: [],
        tool_choice: 'auto',
        temperature: 0.7,
        max_response_output_tokens: 4096,
      },
    });
    const { session: updated } = await caller.next('session.updated');
    assert.deepEqual(
      [updated.voice, updated.output_audio_format, updated.temperature, updated.max_response_output_tokens],
      ['verse', 'g711_ulaw', 0.7, 4096],
    );
  }),
);

test('a voice turn with a tool, in the beta events', { timeout }, () =>
  withCaller(async (caller) => {
    caller.rt.send({
      type: 'session.update',
      session: {
        input_audio_transcription: { model: 'whisper-1' },
        tools: [weatherTool],
      },
    });
    caller.speak(await spokenQuestion(engines, 'What is the weather in Paris?'));
    const completed = await caller.next('conversation.item.input_audio_transcription.completed');
    assert.match(words(completed.transcript), /weather in paris/);
    const call = await caller.next('response.function_call_arguments.done');
    assert.deepEqual(JSON.parse(call.arguments), { city: 'Paris' });
    await caller.next('response.done');

    const from = caller.events.length;
    caller.rt.send({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: call.call_id, output: 'The weather is good in the morning.' },
    });
    caller.rt.send({ type: 'response.create' });
    const { response } = await caller.next('response.done', from);
    assert.deepEqual([response.status, response.modalities], ['completed', ['text', 'audio']]);
    const [item] = response.output ?? [];
    assert.equal(item?.content?.[0]?.type, 'audio');
    const answer = caller.audioOf('response.audio.delta', item?.id ?? '');
    assert.match(words(await understood(engines, answer, 24000)), /good in the morning/);
    const created = caller.events.filter((event) => event.type === 'conversation.item.created');
    assert.equal(created.length, 4, 'the spoken item, the call, its output and the answer are each created once');
    const gaOnly = caller.events
      .map((event): string => event.type)
      .filter((type) => /output_audio|output_text|item\.(added|done)$/.test(type));
    assert.deepEqual(
      gaOnly.filter((type) => !type.startsWith('response.output_item')),
      [],
    );
  }),
);

test('barge-in, with a truncation of the item', { timeout }, () =>
  withCaller(async (caller) => {
    const numbers = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen';
    const content = [{ type: 'input_text' as const, text: `Say exactly: ${numbers}` }];
    caller.rt.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
    caller.rt.send({ type: 'response.create' });
    const { item_id } = await caller.next('response.audio.delta');
    caller.speak(await spokenQuestion(engines, 'Stop, please.'));
    await caller.next('input_audio_buffer.speech_started');
    caller.rt.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 500 });
    const { response } = await caller.next('response.done');
    assert.deepEqual([response.status, response.status_details?.reason], ['cancelled', 'turn_detected']);
    assert.equal((await caller.next('conversation.item.truncated')).audio_end_ms, 500);
  }),
);

test('an error names the field of the beta dialect', { timeout }, () =>
  withCaller(async (caller) => {
    caller.rt.send({ type: 'session.update', session: { speed: 9 } });
    await assert.rejects(caller.next('session.updated'), /Invalid 'session\.speed'.*<= 1\.5/);
  }),
);
