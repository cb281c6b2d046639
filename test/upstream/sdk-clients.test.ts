/** The unmodified sockets of the official Node SDK, in both dialects, through a server that relays to another one. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import OpenAI from 'openai';
import { OpenAIRealtimeWS as BetaSocket } from 'openai/beta/realtime/ws';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import type { RealtimeServerEvent as BetaEvent } from 'openai/resources/beta/realtime/realtime';
import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import type { ModelEvent } from '../../src/session/ports/language-model.ts';
import { during, SdkCaller, timeout, weatherTool } from '../clients/sdk-caller.ts';
import { call, hang, say, silence, tone } from '../support/fake-engines.ts';
import { newPair } from './support/relay.ts';

const tls = { config: { tls: 'self-signed' } } as const;
const insecure = { rejectUnauthorized: false };

async function pairWith(t: TestContext, answers: Iterable<ModelEvent>[]) {
  const pair = await newPair(t, tls);
  let turn = 0;
  pair.engines.languageModel.script = ({ signal }) =>
    answers[turn++] ?? hang<ModelEvent>(signal, { type: 'text', text: 'Number one. ' });
  return { ...pair, client: new OpenAI({ apiKey: 'any', baseURL: `${pair.relay.url}/v1` }) };
}

test('GA: a spoken turn with a tool call, its output, and barge-in', { timeout }, async (t) => {
  const { client, engines } = await pairWith(t, [call('get_weather', { city: 'Paris' }), say('Sunny.')]);
  engines.transcriber.hear = () => 'what is the weather in Paris';
  const socket = new OpenAIRealtimeWS({ model: 'gpt-realtime', options: insecure }, client);
  const caller: SdkCaller<RealtimeServerEvent, OpenAIRealtimeWS> = new SdkCaller(socket, 'ga');
  await during(caller, async ({ rt }) => {
    rt.send({
      type: 'session.update',
      session: { type: 'realtime', tools: [weatherTool], audio: { input: { transcription: { model: 'whisper-1' } } } },
    });
    await caller.next('session.updated');
    caller.speak(tone(600, 24000));
    caller.speak(silence(1000, 24000));
    const completed = await caller.next('conversation.item.input_audio_transcription.completed');
    assert.equal(completed.transcript, 'what is the weather in Paris');
    const { call_id, name, arguments: args } = await caller.next('response.function_call_arguments.done');
    assert.deepEqual([name, JSON.parse(args)], ['get_weather', { city: 'Paris' }]);
    await caller.next('response.done');

    const from = caller.events.length;
    rt.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id, output: 'Sunny.' } });
    rt.send({ type: 'response.create' });
    assert.equal((await caller.next('response.output_audio_transcript.done', from)).transcript, 'Sunny.');
    await caller.next('response.done', from);

    const third = caller.events.length;
    rt.send({ type: 'response.create' });
    const { item_id } = await caller.next('response.output_audio.delta', third);
    caller.speak(tone(600, 24000));
    await caller.next('input_audio_buffer.speech_started', third);
    const { response } = await caller.next('response.done', third);
    assert.deepEqual([response.status, response.status_details?.reason], ['cancelled', 'turn_detected']);
    rt.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 100 });
    assert.equal((await caller.next('conversation.item.truncated')).audio_end_ms, 100);
  });
});

test('beta: its names and flat session, over a GA upstream', { timeout }, async (t) => {
  const { client } = await pairWith(t, [say('Eighty four.')]);
  const socket = new BetaSocket({ model: 'gpt-4o-realtime-preview', options: insecure }, client);
  const caller: SdkCaller<BetaEvent, BetaSocket> = new SdkCaller(socket, 'beta');
  await during(caller, async ({ rt }) => {
    rt.send({ type: 'session.update', session: { voice: 'verse', temperature: 0.7, tools: [weatherTool] } });
    const { session } = await caller.next('session.updated');
    assert.deepEqual([session.voice, session.temperature, session.modalities], ['verse', 0.7, ['text', 'audio']]);
    const content = [{ type: 'input_text' as const, text: 'What is twelve times seven?' }];
    rt.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
    rt.send({ type: 'response.create' });
    const { item_id } = await caller.next('response.audio.delta');
    assert.equal((await caller.next('response.audio_transcript.done')).transcript, 'Eighty four.');
    assert.ok(caller.audioOf('response.audio.delta', item_id).length > 0);
    const { response } = await caller.next('response.done');
    assert.deepEqual([response.status, response.output?.[0]?.content?.[0]?.type], ['completed', 'audio']);
    rt.send({ type: 'response.create' });
    await caller.next('response.audio.delta', caller.events.length);
    caller.speak(tone(600, 24000));
    const cancelled = caller.events.length;
    assert.equal((await caller.next('response.done', cancelled)).response.status, 'cancelled');
  });
});
