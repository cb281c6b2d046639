/** Responses of real language model servers, including unusual ones. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ChatModel } from '../../../src/engines/openai/chat-model.ts';
import type { ModelEvent, ModelRequest } from '../../../src/session/ports/language-model.ts';
import { answer, callsOf, finishOf, textOf, userSays } from '../contract/language-model.ts';
import { modelServer, sendEvents, sendJson } from './servers/model-server.ts';
import { WatchedClock } from './servers/watched-clock.ts';

/** The model's events for the events of a server. */
async function read(
  t: TestContext,
  events: readonly unknown[],
  request: Partial<ModelRequest> = {},
): Promise<ModelEvent[]> {
  const server = await modelServer(t, (_request, response) => sendEvents(response, events));
  const model = new ChatModel({ url: server.url, model: 'm', attempts: 1 });
  t.after(() => model.close());
  return answer(model, [userSays('Hello.')], request);
}

const delta = (delta: object, finish_reason: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason }],
});
const says = (content: string) => delta({ content });
const piece = (call: object) => delta({ tool_calls: [call] });
const stop = delta({}, 'stop');
const done = 'data: [DONE]\n\n';

test('[DONE] is optional after a finish_reason', async (t) => {
  const events = await read(t, [says('Hello'), says(' there.'), stop]);
  assert.equal(textOf(events), 'Hello there.');
});

test('finish_reason is optional before [DONE]', async (t) => {
  assert.equal(finishOf(await read(t, [says('Hello.'), done])).reason, 'stop');
});

test('chunks without choices or with only a role or null, and comments, yield nothing', async (t) => {
  const events = await read(t, [
    ': OPENROUTER PROCESSING\n\n',
    delta({ role: 'assistant', content: null }),
    { choices: [] },
    { choices: [], prompt_filter_results: [{}] },
    { object: 'chat.completion.chunk' },
    says(''),
    says('Hi.'),
    'event: ping\ndata: {"choices":null}\n\n',
    stop,
    done,
  ]);
  assert.deepEqual(events, [
    { type: 'text', text: 'Hi.' },
    { type: 'finish', reason: 'stop' },
  ]);
});

test('carriage returns, multiple data lines, and characters split between packets are parsed', async (t) => {
  const bytes = Buffer.from(
    `data: ${JSON.stringify(says('Grüße, 世界'))}\r\n\r\ndata: {"choices":\r\ndata: []}\r\n\r\n`,
  );
  const server = await modelServer(t, async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const byte of bytes) response.write(Buffer.of(byte));
    response.end(`data: ${JSON.stringify(stop)}`);
  });
  const model = new ChatModel({ url: server.url, model: 'm' });
  t.after(() => model.close());
  assert.equal(textOf(await answer(model, [userSays('Hello.')])), 'Grüße, 世界');
});

test('a response that is not streamed is accepted', async (t) => {
  const server = await modelServer(t, (_request, response) =>
    sendJson(response, {
      choices: [
        {
          message: {
            role: 'assistant',
            content: 'It is cold.',
            tool_calls: [{ id: 'x', type: 'function', function: { name: 'heat', arguments: '{"on":true}' } }],
          },
          finish_reason: 'tool_calls',
        },
      ],
      usage: { prompt_tokens: 7, completion_tokens: 3 },
    }),
  );
  const model = new ChatModel({ url: server.url, model: 'm' });
  t.after(() => model.close());
  const events = await answer(model, [userSays('Hello.')]);
  assert.equal(textOf(events), 'It is cold.');
  assert.deepEqual(callsOf(events), [{ name: 'heat', callId: 'x', arguments: '{"on":true}' }]);
  assert.deepEqual(finishOf(events).usage, { inputTokens: 7, outputTokens: 3 });
});

for (const [said, meant] of [
  ['stop', 'stop'],
  ['tool_calls', 'stop'],
  ['eos_token', 'stop'],
  ['length', 'length'],
  ['content_filter', 'content_filter'],
] as const) {
  test(`finish_reason ${said} means ${meant}`, async (t) => {
    assert.equal(finishOf(await read(t, [says('Hm.'), delta({}, said), done])).reason, meant);
  });
}

test('usage is accepted in the last chunk and in every chunk', async (t) => {
  const usage = {
    prompt_tokens: 50,
    completion_tokens: 2,
    prompt_tokens_details: { cached_tokens: 32, audio_tokens: 12 },
    completion_tokens_details: { audio_tokens: 1, reasoning_tokens: 0 },
  };
  const expected = {
    inputTokens: 50,
    outputTokens: 2,
    cachedInputTokens: 32,
    audioInputTokens: 12,
    audioOutputTokens: 1,
    reasoningTokens: 0,
  };
  assert.deepEqual(finishOf(await read(t, [says('Hi.'), stop, { choices: [], usage }, done])).usage, expected);
  const each = [{ ...says('Hi.'), usage: { ...usage, completion_tokens: 1 } }, { ...stop, usage }, done];
  assert.deepEqual(finishOf(await read(t, each)).usage, expected);
});

test('a server that keeps the connection open after [DONE] is not waited for', async (t) => {
  const clock = new WatchedClock();
  const server = await modelServer(t, async (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(says('Hi.'))}\n\ndata: ${JSON.stringify(stop)}\n\n`);
    await request.closed;
  });
  const model = new ChatModel({ url: server.url, model: 'm', clock });
  t.after(() => model.close());
  const answered = answer(model, [userSays('Hello.')]);
  const { closed } = await server.request(1);
  await clock.set(1000);
  await clock.advance(1000);
  assert.equal(textOf(await answered), 'Hi.');
  await closed;
});

// ---- Reasoning ----

test('reasoning is not forwarded, whatever its field', async (t) => {
  const events = await read(t, [
    delta({ reasoning_content: 'Hm, ' }),
    delta({ reasoning: 'well' }),
    says('Yes.'),
    stop,
    done,
  ]);
  assert.equal(textOf(events), 'Yes.');
  // A model that reasons for a long time is not stalled.
  assert.deepEqual(
    events.map(({ type }) => type),
    ['thinking', 'thinking', 'text', 'finish'],
  );
});

test('reasoning between tags before the answer is not forwarded, however it is split', async (t) => {
  for (const pieces of [
    ['<think>No, he said <b> and </thin', 'k>\n\n', 'Yes.'],
    ['\n<', 'think', '>', '\nHm.</think', '>Yes.'],
    ['<think></think>Yes.'],
    ['<think>One.</think>\n<think>Two.</think>\n\nYes.'],
  ]) {
    assert.equal(textOf(await read(t, [...pieces.map(says), stop, done])), 'Yes.', pieces.join('|'));
  }
});

test('text that resembles a reasoning tag is forwarded', async (t) => {
  for (const pieces of [
    ['<thi', 's> is a tag.'],
    ['<'],
    ['I said `<think>', '` so.'],
    ['  ', 'Yes.'],
    ['a < b, [x] and <b>c</b>'],
  ]) {
    assert.equal(textOf(await read(t, [...pieces.map(says), stop, done])), pieces.join(''));
  }
});

test('the last event of an answer names the markup that was removed from its text', async (t) => {
  const cases: [pieces: object[], leftOut: string | undefined][] = [
    [[says('Yes.')], undefined],
    [[delta({ reasoning_content: 'Hm.' })], 'reasoning'],
    [[says('<think>Hm.</think>Yes.')], 'reasoning'],
    [[says('<think>Hm. '), says('Yes.')], 'open_reasoning'],
    [[says('Sure. <|channel|>analysis<|message|>Hm.')], 'open_reasoning'],
    [[says('<tool_call>{"name":"f"}</tool_call>')], 'calls'],
  ];
  for (const [pieces, leftOut] of cases) {
    const last = (await read(t, [...pieces, stop, done])).at(-1);
    assert.ok(last?.type === 'finish');
    assert.equal(last.leftOut, leftOut, JSON.stringify(pieces));
  }
});

// ---- Calls ----

test('a call in the text is a call, unless the answer was cut off or has others', async (t) => {
  const text = '<tool_call>{"name":"f","arguments":{"a":1}}</tool_call>';
  const callsIn = async (...events: unknown[]) =>
    callsOf(await read(t, [says(text), ...events, done], { tools: [{ name: 'f' }] }));
  assert.deepEqual(await callsIn(stop), [{ name: 'f', arguments: '{"a":1}' }]);
  assert.deepEqual(await callsIn(delta({}, 'length')), []);
  const other = piece({ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } });
  assert.equal((await callsIn(other, delta({}, 'tool_calls'))).length, 1);
});

test('indices of calls may have gaps', async (t) => {
  const events = await read(t, [
    piece({ index: 1, id: 'a', function: { name: 'one', arguments: '{"a":' } }),
    piece({ index: 1, function: { arguments: '1}' } }),
    piece({ index: 5, id: 'b', function: { name: 'two', arguments: '{}' } }),
    delta({}, 'tool_calls'),
    done,
  ]);
  assert.deepEqual(callsOf(events), [
    { name: 'one', callId: 'a', arguments: '{"a":1}' },
    { name: 'two', callId: 'b', arguments: '{}' },
  ]);
});

test('the deprecated function_call, in pieces, becomes one call without an id', async (t) => {
  const old = (function_call: object) => ({ choices: [{ index: 0, delta: { function_call }, finish_reason: null }] });
  const end = { choices: [{ index: 0, delta: {}, finish_reason: 'function_call' }] };
  const events = await read(t, [
    old({ name: 'one', arguments: '' }),
    old({ arguments: '{"a"' }),
    old({ arguments: ':1}' }),
    end,
  ]);
  assert.deepEqual(callsOf(events), [{ name: 'one', arguments: '{"a":1}' }]);
});

test('calls may have no ids, and equal or no indices', async (t) => {
  const name = (each: string) => ({ function: { name: each, arguments: `{"of":"${each}"}` } });
  const expected = ['one', 'two'].map((each) => ({ name: each, arguments: `{"of":"${each}"}` }));
  const ended = [delta({}, 'tool_calls'), done];
  assert.deepEqual(
    callsOf(await read(t, [piece({ index: 0, ...name('one') }), piece({ index: 0, ...name('two') }), ...ended])),
    expected,
  );
  assert.deepEqual(callsOf(await read(t, [piece(name('one')), piece(name('two')), ...ended])), expected);
  const withIds = [piece({ index: 0, id: 'a', ...name('one') }), piece({ index: 0, id: 'b', ...name('two') })];
  assert.deepEqual(
    callsOf(await read(t, [...withIds, ...ended])).map(({ callId }) => callId),
    ['a', 'b'],
  );
});

test('a name may be repeated in every piece, or follow the first arguments', async (t) => {
  const events = await read(t, [
    piece({ index: 0, id: 'a', function: { name: 'one', arguments: '{"x"' } }),
    piece({ index: 0, id: 'a', function: { name: 'one', arguments: ':1}' } }),
    piece({ index: 1, id: 'b', function: { arguments: '{"y":' } }),
    piece({ index: 1, function: { name: 'two', arguments: '2}' } }),
    delta({}, 'tool_calls'),
    done,
  ]);
  assert.deepEqual(
    callsOf(events).map((call) => call.name + call.arguments),
    ['one{"x":1}', 'two{"y":2}'],
  );
});

test('arguments may be an object or absent', async (t) => {
  const events = await read(t, [
    piece({ index: 0, function: { name: 'one', arguments: { a: ['b'] } } }),
    piece({ index: 1, function: { name: 'two' } }),
    delta({}, 'tool_calls'),
    done,
  ]);
  assert.deepEqual(
    callsOf(events).map((call) => call.arguments),
    ['{"a":["b"]}', '{}'],
  );
});

test('interleaved pieces of calls become consecutive calls', async (t) => {
  const events = await read(t, [
    piece({ index: 0, id: 'a', function: { name: 'one', arguments: '{"a":' } }),
    piece({ index: 1, id: 'b', function: { name: 'two', arguments: '{"b":' } }),
    piece({ index: 0, function: { arguments: '1}' } }),
    piece({ index: 1, function: { arguments: '2}' } }),
    delta({}, 'tool_calls'),
    done,
  ]);
  assert.deepEqual(
    callsOf(events).map((call) => call.arguments),
    ['{"a":1}', '{"b":2}'],
  );
});

test('text between and after calls stays in order', async (t) => {
  const events = await read(t, [
    says('First. '),
    piece({ index: 0, id: 'a', function: { name: 'one', arguments: '{}' } }),
    says('Second.'),
    piece({ index: 1, id: 'b', function: { name: 'two', arguments: '{"half' } }),
    says(' Third.'),
    piece({ index: 1, function: { arguments: '":1}' } }),
    stop,
    done,
  ]);
  assert.deepEqual(
    events.map((event) => (event.type === 'text' ? event.text : event.type)),
    [
      'First. ',
      'call',
      'call_arguments',
      'call_end',
      'Second.',
      'call',
      'call_arguments',
      'call_arguments',
      'call_end',
      ' Third.',
      'finish',
    ],
  );
});

test('a call that is truncated by the token limit has no end', async (t) => {
  const events = await read(t, [
    piece({ index: 0, function: { name: 'one', arguments: '{"a' } }),
    delta({}, 'length'),
    done,
  ]);
  assert.equal(finishOf(events).reason, 'length');
  assert.equal(
    events.some(({ type }) => type === 'call_end'),
    false,
  );
});

// ---- Audio ----

test('a model with audio output yields audio and its transcript', async (t) => {
  const data = Buffer.from(Int16Array.of(5, -5, 7).buffer).toString('base64');
  const events = await read(t, [
    delta({ role: 'assistant', audio: { id: 'audio_1', transcript: 'Hel' } }),
    delta({ audio: { data } }),
    delta({ audio: { transcript: 'lo.' } }),
    delta({ audio: { expires_at: 1_760_000_000 } }),
    stop,
    done,
  ]);
  assert.deepEqual(events.slice(0, -1), [
    { type: 'audio', samples: new Int16Array(0), sampleRateHz: 24_000, transcript: 'Hel' },
    { type: 'audio', samples: Int16Array.of(5, -5, 7), sampleRateHz: 24_000, transcript: '' },
    { type: 'audio', samples: new Int16Array(0), sampleRateHz: 24_000, transcript: 'lo.' },
  ]);
});
