import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Responder } from '../../src/engines/embedded/responder/responder.ts';
import type { ContextItem, ModelEvent, ModelRequest } from '../../src/session/ports/language-model.ts';
import { callsOf, eventsOf, reply, requestOf, responder, textOf, user } from './drive.ts';

const tools = [
  { name: 'get_weather', parameters: { properties: { location: { type: 'string' } }, required: ['location'] } },
];

describe('streaming', () => {
  it('sends one word per delta, with the space before it', async () => {
    const events = await eventsOf(requestOf([user('Say exactly: one  two\nthree')]));
    assert.deepEqual(events, [
      { type: 'text', text: 'one' },
      { type: 'text', text: '  two' },
      { type: 'text', text: '\nthree' },
      { type: 'finish', reason: 'stop' },
    ]);
  });
  it('sends arguments in several deltas, within their call', async () => {
    const events = await eventsOf(requestOf([user("What's the weather in Paris?")], { tools }));
    assert.deepEqual(
      events.map((event) => event.type),
      ['call', 'call_arguments', 'call_arguments', 'call_end', 'finish'],
    );
  });
  it('splits a word without end at whole characters', async () => {
    const word = '🐎'.repeat(100);
    const events = await eventsOf(requestOf([user(`Say exactly ${word}`)]));
    assert.equal(textOf(events), word);
    assert.ok(events.length > 3 && events.every((event) => event.type !== 'text' || event.text.isWellFormed()));
  });
  it('stops at the maximum max_output_tokens of the protocol, also without a limit', async () => {
    const events = await eventsOf(requestOf([user(`Say exactly: ${'a '.repeat(20_000)}`)]));
    assert.equal(events.length, 4097);
    assert.deepEqual(events.at(-1), { type: 'finish', reason: 'length' });
  });
  it('counts each delta as a token, and stops at the limit', async () => {
    const limited = (maxOutputTokens: number) =>
      eventsOf(requestOf([user('Say exactly: one two three')], { maxOutputTokens }));
    assert.deepEqual(await limited(2), [
      { type: 'text', text: 'one' },
      { type: 'text', text: ' two' },
      { type: 'finish', reason: 'length' },
    ]);
    assert.deepEqual((await limited(3)).at(-1), { type: 'finish', reason: 'stop' });
    const call = await eventsOf(requestOf([user('weather in Rome')], { tools, maxOutputTokens: 1 }));
    assert.deepEqual(
      call.map((event) => event.type),
      ['call', 'call_arguments', 'finish'],
    );
  });
  it('stops immediately when aborted, and throws the reason', async () => {
    const controller = new AbortController();
    const reason = new Error('interrupted');
    const events: ModelEvent[] = [];
    await assert.rejects(async () => {
      const request = requestOf([user('Say exactly: one two three')], { signal: controller.signal });
      for await (const event of responder.generate(request)) {
        events.push(event);
        if (events.length === 2) controller.abort(reason);
      }
    }, reason);
    assert.equal(textOf(events), 'one two');
    await assert.rejects(eventsOf(requestOf([user('Hello')], { signal: AbortSignal.abort(reason) })), reason);
  });
  it('yields to other sessions during a long answer', async () => {
    let ran = false;
    setImmediate(() => {
      ran = true;
    });
    await eventsOf(requestOf([user(`Say exactly: ${'word '.repeat(200)}`)]));
    assert.ok(ran);
  });
  it('refuses an unknown time zone', () => {
    assert.throws(() => new Responder({ timeZone: 'Nowhere/Land' }), RangeError);
  });
});

/** Properties of any request: one `finish`, at the end; calls that do not interleave and whose arguments parse. */
function checkShape(events: readonly ModelEvent[]) {
  assert.equal(events.filter((event) => event.type === 'finish').length, 1);
  const last = events.at(-1);
  assert.equal(last?.type, 'finish');
  let open = false;
  for (const event of events) {
    if (event.type === 'call') assert.equal(open, false);
    if (event.type === 'text') assert.equal(open, false);
    if (event.type === 'call_arguments' || event.type === 'call_end') assert.equal(open, true);
    if (event.type === 'call' || event.type === 'call_end') open = event.type === 'call';
  }
  assert.equal(open, false);
  for (const call of callsOf(events)) assert.equal(typeof call.arguments, 'object');
}

describe('any input', () => {
  const phrases = fc.constantFrom(
    ...[
      'my name is',
      'what is',
      '2',
      'plus',
      'times',
      '(',
      '/',
      'say exactly',
      'say:',
      '"',
      "'",
      'remember that',
      'in',
      'to',
    ],
    ...[
      'repeat after me',
      'weather',
      'call me',
      'my x is',
      'what is my',
      'you are',
      '.',
      '?',
      '\n',
      'seven',
      'hundred',
      'and',
      '%',
    ],
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.array(fc.oneof(phrases, fc.string({ maxLength: 6 })), { maxLength: 14 }).map((words) => words.join(' ')),
  );
  const item: fc.Arbitrary<ContextItem> = fc.oneof(
    fc.record({
      type: fc.constant('message' as const),
      role: fc.constantFrom('system' as const, 'user' as const, 'assistant' as const),
      content: fc.array(
        fc.oneof(
          fc.record({ type: fc.constant('text' as const), text }),
          fc.record({ type: fc.constant('image' as const), url: fc.webUrl() }),
        ),
        { maxLength: 3 },
      ),
    }),
    fc.record({
      type: fc.constant('call' as const),
      callId: fc.string(),
      name: fc.constantFrom('get_weather', 't'),
      arguments: fc.json(),
    }),
    fc.record({ type: fc.constant('call_output' as const), callId: fc.string(), output: fc.oneof(fc.json(), text) }),
  );
  const schemaPart: fc.Arbitrary<unknown> = fc.letrec<{ schema: unknown }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 4 },
      fc.jsonValue({ maxDepth: 1 }),
      fc.record(
        {
          type: fc.constantFrom('string', 'number', 'integer', 'boolean', 'array', 'object', 'null', 'odd'),
          enum: fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 3 }),
          properties: fc.dictionary(fc.constantFrom('location', 'to', 'n', '__proto__', 'toString'), tie('schema')),
          required: fc.array(fc.constantFrom('location', 'to', 'n', 'missing', '__proto__')),
          items: tie('schema'),
          anyOf: fc.array(tie('schema'), { maxLength: 2 }),
          ...Object.fromEntries(['minimum', 'maximum', 'default'].map((key) => [key, fc.double()])),
        },
        { requiredKeys: [] },
      ),
    ),
  })).schema;
  const request: fc.Arbitrary<ModelRequest> = fc
    .record({
      items: fc.array(item, { maxLength: 8 }),
      instructions: text,
      tools: fc.array(
        fc.record({
          name: fc.constantFrom('get_weather', 't', 'my_name', ''),
          description: text,
          parameters: schemaPart,
        }),
        { maxLength: 3 },
      ),
      toolChoice: fc.oneof(
        fc.constantFrom('auto' as const, 'none' as const, 'required' as const),
        fc.constant({ name: 'get_weather' }),
      ),
      spoken: fc.boolean(),
    })
    .map(({ items, ...changes }) => requestOf(items, changes));

  it('gets a valid answer, identical in each run', async () => {
    await fc.assert(
      fc.asyncProperty(request, async (given) => {
        const events = await eventsOf(given);
        checkShape(events);
        assert.deepEqual(await eventsOf(given), events);
      }),
      { numRuns: 400, seed: 7 },
    );
  });

  const long = 100_000;
  const adversarial: readonly string[] = [
    ...[
      'a',
      ' ',
      '\n',
      '(',
      '-',
      '9',
      '"',
      "'",
      '.',
      ',',
      '[',
      '{"a":',
      '\uD83D',
      'my ',
      'say ',
      'and ',
      'my x is ',
      'hello ',
      'twenty ',
    ].map((piece) => piece.repeat(long / piece.length)),
    `say exactly${' '.repeat(long)}x`,
    `say${' '.repeat(long)}`,
    `${'please '.repeat(long / 7)}say`,
    `what is ${'1 + '.repeat(long / 4)}1`,
    `my name is ${'a'.repeat(long)}`,
    `Say exactly '${"x'y".repeat(long / 3)}`,
    `remember that ${'that '.repeat(long / 5)}`,
    `repeat ${'what '.repeat(long / 5)}`,
    `weather in ${'Paris '.repeat(long / 6)}`,
  ];
  it('handles 100 KB of anything, in any field', async () => {
    for (const text of adversarial) {
      for (const given of [
        requestOf([user(text)], { tools }),
        requestOf([user('Hello')], { instructions: text }),
        requestOf([user(text)], { tools, toolChoice: 'required' }),
        requestOf([
          user('x'),
          { type: 'call', callId: 'a', name: 'get_weather', arguments: text },
          { type: 'call_output', callId: 'a', output: text },
        ]),
        requestOf([user('x')], {
          tools: [{ name: text, description: text, parameters: { description: text } }],
          toolChoice: 'required',
        }),
      ]) {
        checkShape(await eventsOf(given));
      }
    }
  });
  it('reads the end of a long conversation', async () => {
    const items = Array.from({ length: 5000 }, (_, n) => user(`My number is ${n}.`));
    assert.equal(await reply([...items, user('What is my number?')]), 'Your number is 4999.');
  });
});
