/**
 * SECURITY.md, "an engine misbehaves": responses of an engine's server delay no session, however they are chunked or
 * nested.
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { writeWav } from '../../src/audio/wav.ts';
import { ChatModel } from '../../src/engines/openai/chat-model.ts';
import { HttpTranscriber } from '../../src/engines/openai/http-transcriber.ts';
import { HttpVoice } from '../../src/engines/openai/http-voice.ts';
import { userSays } from '../engines/contract/language-model.ts';
import { type ModelServer, modelServer } from '../engines/openai/servers/model-server.ts';
import { fakeEngines, say } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

const mebibyte = 1024 ** 2;
const query = '?model=gpt-realtime';

/** A server that sends the same response to every request, in as few packets as the network allows. */
function answers(t: TestContext, type: string, body: string | Uint8Array): Promise<ModelServer> {
  return modelServer(t, (_, response) => {
    response.writeHead(200, { 'content-type': type }).end(body);
  });
}

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const delta = (fields: object) => event({ choices: [{ index: 0, delta: fields, finish_reason: null }] });
const end = `${event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}data: [DONE]\n\n`;
const argumentsDelta = (text: string) =>
  delta({ tool_calls: [{ index: 0, function: { name: 'f', arguments: text } }] });
const values = (count: number) => `[${'[],'.repeat(count - 1)}[]]`;

const stream = 'text/event-stream';
const failing: { name: string; type: string; body: () => string; expected: RegExp }[] = [
  {
    name: 'an event of a hundred thousand values',
    type: stream,
    body: () => `data: {"choices":[],"extra":${values(100_000)}}\n\n${end}`,
    expected: /a message with more than 50000 values/,
  },
  {
    name: 'a document of five megabytes',
    type: 'application/json',
    body: () =>
      JSON.stringify({ choices: [{ message: { content: 'word '.repeat(mebibyte) }, finish_reason: 'stop' }] }),
    expected: /its answer is longer than 4194304 bytes/,
  },
  {
    name: 'reasoning without end',
    type: stream,
    body: () => delta({ reasoning_content: 'and so on '.repeat(1000) }).repeat(500),
    expected: /more than 4194304 characters/,
  },
  {
    name: 'arguments of two megabytes',
    type: stream,
    body: () => argumentsDelta('{"a":"') + argumentsDelta(`${'a'.repeat(4000)}}`).repeat(500),
    expected: /more than 1048576 characters of arguments/,
  },
];

for (const { name, type, body, expected } of failing) {
  test(`${name} from a language model fails the response without delaying other sessions`, async (t) => {
    const server = await answers(t, type, body());
    const hostile = new ChatModel({ url: server.url, model: 'm', attempts: 1 });
    t.after(() => hostile.close());
    const engines = fakeEngines();
    const { languageModel } = engines;
    languageModel.script = () => say('Yes.');
    const generate = languageModel.generate.bind(languageModel);
    languageModel.generate = (request) =>
      request.instructions.includes('hostile') ? hostile.generate(request) : generate(request);
    const { wsUrl } = await newServer(t, { engines: fakeEngineSet(engines) });
    const [client, bystander] = [await WireClient.open(wsUrl + query), await WireClient.open(wsUrl + query)];
    const failure = client.until('response.done');
    const tools = [{ type: 'function', name: 'f' }];
    client.send({ type: 'response.create', response: { instructions: 'hostile', output_modalities: ['text'], tools } });
    bystander.send({ type: 'response.create', response: { output_modalities: ['text'] } });
    assert.equal((await bystander.until('response.done')).response.status, 'completed');
    const { response } = await failure;
    assert.equal(response.status, 'failed');
    const details = JSON.stringify(response.status_details);
    assert.match(details, /The language model failed: /);
    assert.match(details, expected);
  });
}

/** Runs `work` and returns the number of turns of the event loop during it. */
async function turnsOf(work: () => Promise<void>): Promise<number> {
  let turns = 0;
  let over = false;
  const count = () => {
    turns += 1;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  await work();
  over = true;
  return turns;
}

const { signal } = new AbortController();

async function generated(t: TestContext, body: string) {
  const server = await answers(t, stream, body);
  const model = new ChatModel({ url: server.url, model: 'm', attempts: 1 });
  t.after(() => model.close());
  const request = { instructions: '', items: [userSays('Hello.')], tools: [], toolChoice: 'auto', model: 'm' } as const;
  return model.generate({ ...request, maxOutputTokens: 'inf', spoken: false, signal });
}

test('thousands of events in one chunk are spread over turns of the event loop', async (t) => {
  const count = 20_000;
  const events = await generated(t, delta({ content: 'a ' }).repeat(count) + end);
  const turns = await turnsOf(async () => {
    for await (const _ of events);
  });
  assert.ok(turns >= count / 64, `${turns} turns`);
});

for (const [name, line] of Object.entries({ empty: '\n', comment: ':\n', stray: 'x\n' })) {
  test(`an endless sequence of ${name} lines is spread over turns of the event loop`, async (t) => {
    const count = 500_000;
    const events = await generated(t, line.repeat(count) + delta({ content: 'Yes.' }) + end);
    const turns = await turnsOf(async () => {
      for await (const _ of events);
    });
    assert.ok(turns >= count / 2048, `${turns} turns`);
  });
}

test('a megabyte of text in one event is forwarded in pieces, over turns of the event loop', async (t) => {
  const text = 'word 💥 '.repeat(100_000);
  const events = await generated(t, delta({ content: text }) + end);
  let passed = '';
  const turns = await turnsOf(async () => {
    for await (const event of events) {
      if (event.type !== 'text') continue;
      assert.ok(event.text.length <= 8193, `${event.text.length} characters at once`);
      assert.ok(event.text.isWellFormed());
      passed += event.text;
    }
  });
  assert.equal(passed, text);
  assert.ok(turns >= text.length / 8192 / 8, `${turns} turns`);
});

test('arguments in thousands of pieces are forwarded piece by piece', async (t) => {
  const pieces = ['{"text":"', ...Array.from({ length: 20_000 }, () => '\\"}}'), '"}'];
  const events = await generated(t, pieces.map(argumentsDelta).join('') + end);
  const passed: string[] = [];
  let calls = 0;
  for await (const event of events) {
    if (event.type === 'call_arguments') passed.push(event.delta);
    if (event.type === 'call') calls += 1;
  }
  assert.equal(calls, 1);
  assert.deepEqual(passed, pieces);
});

test('thousands of opening reasoning tags are dropped', async (t) => {
  const events = await generated(t, delta({ content: `${'<think>x</think>'.repeat(50_000)}Yes.` }) + end);
  const texts: string[] = [];
  for await (const event of events) if (event.type === 'text') texts.push(event.text);
  assert.deepEqual(texts, ['Yes.']);
});

test('minutes of silence within speech are forwarded in pieces', async (t) => {
  const sampleRateHz = 24_000;
  const samples = new Int16Array(300 * sampleRateHz);
  samples.fill(8000, 0, 2400);
  samples.fill(8000, samples.length - 2400);
  const server = await answers(t, 'audio/wav', writeWav({ samples, sampleRateHz }));
  const voice = new HttpVoice({ url: server.url, model: 'm', attempts: 1 });
  t.after(() => voice.close());
  let total = 0;
  for await (const chunk of voice.speak('Hello.', { voice: 'v', speed: 1, signal })) {
    total += chunk.samples.length;
    assert.ok(chunk.samples.length <= 64 * 1024, `${chunk.samples.length} samples at once`);
  }
  assert.equal(total, samples.length);
});

test('a transcript with more logprobs than words fails', async (t) => {
  const logprobs = Array.from({ length: 6000 }, () => ({ token: 'a', logprob: 0 }));
  const piece = event({ type: 'transcript.text.delta', delta: 'hi ', logprobs });
  const server = await answers(t, stream, piece.repeat(20));
  const transcriber = new HttpTranscriber({ url: server.url, model: 'm', attempts: 1 });
  t.after(() => transcriber.close());
  const clip = { samples: new Int16Array(16_000), sampleRateHz: 16_000 };
  await assert.rejects(
    Array.fromAsync(transcriber.transcribe(clip, { logprobs: true, signal })),
    /more than 100000 logprobs/,
  );
});
