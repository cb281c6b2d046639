/**
 * Unmodified clients in browsers: a spoken question, an answer whose received audio says what its transcript says, and
 * an interruption.
 */

import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import type { EngineSet } from '../../src/server/server.ts';
import { assertUnderstood } from '../engines/speech.ts';
import { embeddedEngines, spokenQuestion, words } from '../support/embedded.ts';
import { silence } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';
import { BrowserCall, type BrowserCallOptions } from './browser-call.ts';
import { inBrowser } from './chromium.ts';
import { inFirefox } from './firefox.ts';

// Sentences of the embedded voice that the embedded transcriber understands without an error, also at 8 kHz.
const question = 'I would like to know more about the garden.';
const answer = 'We can talk about it tomorrow morning.';
const interruption = 'Please close the window before you leave.';
const numbers = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen';
/** Of the browser's jitter buffer, which stretches and drops audio; without CPU time by hundreds of milliseconds. */
const toleranceMs = 800;
/** A browser without enough CPU time stretches and drops audio; of another sentence, nearly all words would be wrong. */
const mostErrors = 0.5;

let engines: EngineSet;
before(async () => {
  engines = await embeddedEngines();
});
after(() => engines.close());

/** A spoken question is transcribed, and the browser plays what the transcript of the answer says. */
async function isAnswered(call: BrowserCall): Promise<void> {
  const { transcript: asked } = await call.first('conversation.item.input_audio_transcription.completed');
  assertUnderstood(question, asked, mostErrors);
  const { transcript } = await call.first('response.output_audio_transcript.done');
  assert.equal(words(transcript), words(answer));
  const { response } = await call.first('response.done');
  assert.equal(response.status, 'completed');
  const started = await call.first('output_audio_buffer.started');
  const stopped = await call.first('output_audio_buffer.stopped');
  assert.deepEqual([started.response_id, stopped.response_id], [response.id, response.id]);
  assertUnderstood(answer, (await call.heard()).text, mostErrors);
}

/** Speech cuts off an answer: the server truncates the item where the browser stopped playing it. */
async function isInterrupted(call: BrowserCall): Promise<void> {
  const from = call.events.length;
  await call.send({ type: 'response.create', response: { instructions: `Say exactly: ${numbers}` } });
  const started = await call.first('output_audio_buffer.started', from);
  await call.speak(interruption);
  const { audio_end_ms: playedMs } = await call.first('conversation.item.truncated', from);
  const { response } = await call.first('response.done', from);
  const cleared = await call.first('output_audio_buffer.cleared', from);
  assert.deepEqual([response.id, response.status], [started.response_id, 'cancelled']);
  assert.equal(cleared.response_id, started.response_id);
  const order = [
    ...(['input_audio_buffer.speech_started', 'response.done'] as const),
    ...(['output_audio_buffer.cleared', 'conversation.item.truncated'] as const),
  ];
  const types = call.events.slice(from).map(({ type }) => type);
  assert.deepEqual(
    order.toSorted((a, b) => types.indexOf(a) - types.indexOf(b)),
    order,
  );
  assertPlayed((await call.heard()).ms, playedMs);
}

function assertPlayed(audibleMs: number, playedMs: number): void {
  const message = `${audibleMs} ms were audible, and the item ends at ${playedMs} ms`;
  assert.ok(Math.abs(audibleMs - playedMs) < toleranceMs, message);
}

async function converses(
  t: TestContext,
  options: Pick<BrowserCallOptions, 'browser' | 'question' | 'plan'>,
): Promise<void> {
  const instructions = `Say exactly: ${answer}`;
  const call = await BrowserCall.open(t, { ...options, client: 'openai', engines, instructions });
  assert.match(String(await call.run('pageCall.callId')), /^rtc_\w+$/);
  if (options.question === undefined) await call.speak(question);
  await isAnswered(call);
  assert.equal(await call.codec(), options.plan?.codec === 'PCMU' ? 'audio/PCMU' : 'audio/opus');
  await isInterrupted(call);
}

test('openai/realtime/webrtc in Chromium', inBrowser, async (t) => {
  verifies('R1.26', 'R7.2', 'R10.2', 'R10.3', 'R10.5');
  await converses(t, { browser: 'chromium', question: await spokenQuestion(engines, question) });
});

test('openai/realtime/webrtc in Chromium, with G.711 only', inBrowser, async (t) => {
  verifies('R10.2');
  await converses(t, { browser: 'chromium', plan: { codec: 'PCMU' } });
});

test('openai/realtime/webrtc in Firefox', inFirefox, async (t) => {
  verifies('R1.26', 'R7.2', 'R10.2', 'R10.5');
  await converses(t, { browser: 'firefox' });
});

test('@openai/agents-realtime in Chromium', inBrowser, async (t) => {
  verifies('R1.26', 'R7.2', 'R10.2', 'R10.5');
  // The SDK opens the microphone before it connects.
  const samples = concatSamples([silence(3000, 24_000), await spokenQuestion(engines, question)]);
  const instructions = `Say exactly: ${answer}`;
  const options = { browser: 'chromium', client: 'agents', engines, instructions, question: samples } as const;
  const call = await BrowserCall.open(t, options);
  assert.match(String(await call.run('pageCall.callId')), /^rtc_\w+$/);
  await isAnswered(call);

  const from = call.events.length;
  await call.run(`agentSession.sendMessage('Say exactly: ${numbers}')`);
  const { response_id } = await call.first('output_audio_buffer.started', from);
  await call.run('agentSession.interrupt()');
  assert.equal((await call.first('output_audio_buffer.cleared', from)).response_id, response_id);
  const { audio_end_ms: playedMs } = await call.first('conversation.item.truncated', from);
  assert.equal((await call.first('response.done', from)).response.status, 'cancelled');
  assertPlayed((await call.heard()).ms, playedMs);
  const kinds = await call.run('agentSession.history.map(({ role, status }) => [role, status])');
  assert.deepEqual(kinds, [
    ['user', 'completed'],
    ['assistant', 'completed'],
    ['user', 'completed'],
    ['assistant', 'incomplete'],
  ]);
});
