/**
 * The official Node SDK's GA socket, unmodified, against a server with the embedded engines: text, voice, tool and
 * barge-in turns. The SDK requires `wss:`, so the server creates a certificate.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import { type EngineSet, type ParleyServer, startServer } from '../../src/server/server.ts';
import { embeddedEngines, spokenQuestion, understood, words } from '../support/embedded.ts';
import { silentLog } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { during, SdkCaller, timeout, weatherTool } from './sdk-caller.ts';

let engines: EngineSet;
let server: ParleyServer;

before(async () => {
  engines = await embeddedEngines();
  server = await startServer({ engines, config: { port: 0, tls: 'self-signed' }, log: silentLog });
});
after(() => server.close());

type Caller = SdkCaller<RealtimeServerEvent, OpenAIRealtimeWS>;

async function withCaller(use: (caller: Caller) => Promise<void>): Promise<void> {
  const client = new OpenAI({ apiKey: 'any', baseURL: `${server.url}/v1` });
  const options = { rejectUnauthorized: false };
  const caller: Caller = new SdkCaller(new OpenAIRealtimeWS({ model: 'gpt-realtime', options }, client), 'ga');
  await during(caller, use);
}

test('a text turn', { timeout }, () =>
  withCaller(async (caller) => {
    verifies('R1.19');
    caller.rt.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'] } });
    await caller.next('session.updated');
    caller.rt.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'What is twelve times seven?' }] },
    });
    caller.rt.send({ type: 'response.create' });
    assert.match((await caller.next('response.output_text.done')).text, /84|eighty[- ]four/i);
    assert.equal((await caller.next('response.done')).response.status, 'completed');
  }),
);

test('a voice turn: the question is transcribed, and the answer can be transcribed', { timeout }, () =>
  withCaller(async (caller) => {
    const transcription = { model: 'whisper-1' };
    caller.rt.send({ type: 'session.update', session: { type: 'realtime', audio: { input: { transcription } } } });
    caller.speak(await spokenQuestion(engines, 'Repeat after me: good morning everyone.'));

    const completed = await caller.next('conversation.item.input_audio_transcription.completed');
    assert.match(words(completed.transcript), /^repeat after me good morning every ?one$/);
    const { response } = await caller.next('response.done');
    assert.equal(response.status, 'completed');
    const [item] = response.output ?? [];
    assert.ok(item?.type === 'message' && item.role === 'assistant');
    assert.match(words(item.content[0]?.transcript ?? ''), /^good morning every ?one$/);
    const answer = caller.audioOf('response.output_audio.delta', item.id ?? '');
    assert.match(words(await understood(engines, answer, 24000)), /good morning every ?one/);
  }),
);

test('a tool call, and its output spoken', { timeout }, () =>
  withCaller(async (caller) => {
    caller.rt.send({
      type: 'session.update',
      session: {
        type: 'realtime',
        output_modalities: ['text'],
        tools: [weatherTool],
      },
    });
    caller.speak(await spokenQuestion(engines, 'What is the weather in Paris?'));
    const call = await caller.next('response.function_call_arguments.done');
    assert.equal(call.name, 'get_weather');
    assert.deepEqual(JSON.parse(call.arguments), { city: 'Paris' });
    await caller.next('response.done');

    const from = caller.events.length;
    const output = 'It is 21 degrees and sunny.';
    caller.rt.send({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: call.call_id, output },
    });
    caller.rt.send({ type: 'response.create' });
    assert.match((await caller.next('response.output_text.done', from)).text, /21 degrees and sunny/);
  }),
);

test('barge-in: cancelled with turn_detected, and a truncation of the item is accepted', { timeout }, () =>
  withCaller(async (caller) => {
    const long =
      'Say exactly: one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty';
    caller.rt.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: long }] },
    });
    caller.rt.send({ type: 'response.create' });
    const { item_id } = await caller.next('response.output_audio.delta');
    // Audio is paced, so a response longer than the lead of three seconds is still running now.
    caller.speak(await spokenQuestion(engines, 'Stop, please.'));

    await caller.next('input_audio_buffer.speech_started');
    caller.rt.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 500 });
    const { response } = await caller.next('response.done');
    assert.equal(response.status, 'cancelled');
    assert.equal(response.status_details?.reason, 'turn_detected');
    assert.equal((await caller.next('conversation.item.truncated')).audio_end_ms, 500);
    caller.rt.send({ type: 'conversation.item.retrieve', item_id });
    const { item } = await caller.next('conversation.item.retrieved');
    assert.ok(item.type === 'message' && item.role === 'assistant');
    const transcript = item.content[0]?.transcript ?? '';
    assert.ok(
      transcript.startsWith('one') && transcript.length < 40,
      `only what was heard is kept, not "${transcript}"`,
    );
  }),
);
