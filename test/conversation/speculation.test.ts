/** A generation that starts before the end of its turn, and is dropped or adopted. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createResampler } from '../../src/audio/resample.ts';
import { UserAudio } from '../../src/session/conversation/user-audio.ts';
import type { ModelEvent } from '../../src/session/ports/language-model.ts';
import { settle } from '../support/fake-clock.ts';
import { type FakeEngines, fakeEngines, hang, say, tone } from '../support/fake-engines.ts';
import { eventTypes, expectedTurn, newParts, type Parts, traceOf } from '../support/responses.ts';
import { words } from './usage/support.ts';

// Loads WebAssembly before the test, because a fake clock cannot wait for it.
(await createResampler(16000, 24000)).free();

const questions = ['How are you today?', 'And how is the weather over there?', 'Fine. What did you say before?'];

/** A conversation that exceeds its context, with `before` ahead of each turn. */
async function converse(
  before: (parts: Parts, question: string) => void | Promise<void>,
  engines: FakeEngines = fakeEngines(),
) {
  const parts = newParts(engines, { tokens: words, settings: { contextTokens: [{ tokens: 24 }] } });
  parts.configure({ instructions: 'Be kind.' });
  for (const question of questions) {
    await before(parts, question);
    parts.say(question);
    await parts.answer();
  }
  return { engines, trace: await traceOf(parts), parts };
}

const late = await converse(() => {});

test('the reference conversation is truncated, and partly cached', () => {
  const { log, meter } = late.parts.trace;
  assert.match(JSON.stringify(log), /context_truncated/);
  assert.match(JSON.stringify(meter), /"cached_tokens":[1-9]/);
  assert.equal(eventTypes(late.parts).filter((type) => type === 'response.done').length, questions.length);
});

test('a dropped generation has no effect on events, the conversation, the meter, the log or later usage', async () => {
  const dropped: AbortSignal[] = [];
  const engines = fakeEngines();
  const { trace } = await converse(async (parts) => {
    // Long enough for its context to leave out everything before it.
    const speculation = parts.responses.speculate(expectedTurn('word '.repeat(20)));
    await settle();
    const request = engines.languageModel.requests.at(-1);
    assert.equal(request?.claim?.priority, 'speculation');
    assert.match(JSON.stringify(request.items), /word word/);
    assert.ok(engines.voice.spoken.length > 0, 'it is spoken already');
    speculation?.drop();
    assert.equal(request.signal.aborted, true);
    dropped.push(request.signal);
    await settle();
  }, engines);
  assert.deepEqual(trace, late.trace);
  assert.equal(dropped.length, questions.length);
  assert.equal(engines.languageModel.requests.length, 2 * questions.length);
});

test('an adopted generation has the same events, usage and log as one that starts late', async () => {
  const { engines, trace } = await converse(async (parts, question) => {
    parts.responses.speculate(expectedTurn(question));
    await settle();
  });
  assert.deepEqual(trace, late.trace);
  assert.equal(engines.languageModel.requests.length, questions.length, 'no model is asked twice');
  for (const { claim } of engines.languageModel.requests) assert.equal(claim?.priority, 'speculation');
});

test('a generation that is adopted at its beginning continues like any other', async () => {
  const { engines, trace } = await converse((parts, question) => {
    parts.responses.speculate(expectedTurn(question));
  });
  assert.deepEqual(trace, late.trace);
  assert.equal(engines.languageModel.requests.length, questions.length);
});

test('the item of an adopted turn has its final length', async () => {
  const spoken = async (speculate: boolean) => {
    const engines = fakeEngines();
    const parts = newParts(engines, { tokens: words });
    if (speculate) {
      const { item } = expectedTurn('');
      if (item.type === 'message') item.content = [{ type: 'input_audio', transcript: null }];
      const clip = { samples: tone(900, 24_000), sampleRateHz: 24_000 };
      const heard = new UserAudio(clip, { type: 'audio/pcm', rate: 24_000 }, () => assert.fail('it is transcribed'));
      heard.settle({ text: 'hello there' });
      parts.responses.speculate({ item, heard: new Map([[0, heard]]), spoken: new Map() });
      await settle();
    }
    const clip = { samples: tone(1400, 24_000), sampleRateHz: 24_000 };
    parts.items.commit(parts.core.ids('item'), clip, clip);
    await settle();
    await parts.answer();
    return { trace: await traceOf(parts), asked: engines.languageModel.requests.length, parts };
  };
  const speculated = await spoken(true);
  assert.deepEqual(speculated.trace, (await spoken(false)).trace);
  assert.equal(speculated.asked, 1);
  assert.match(JSON.stringify(speculated.parts.trace.events.at(-2)), /"audio_tokens":14/);
});

interface Change {
  why: string;
  /** Before the speculation. */
  first?: (parts: Parts) => void;
  guess?: string;
  /** Between the speculation and the turn's item. */
  change?: (parts: Parts) => void;
  turn?: (parts: Parts) => void;
}

const changes: Change[] = [
  { why: 'the turn says something else', guess: 'How are' },
  { why: 'an item came before the turn', change: ({ items }) => addItem(items, 'And another thing.') },
  { why: 'the instructions changed', change: (parts) => parts.configure({ instructions: 'Be brief.' }) },
  { why: 'the voice changed', change: (parts) => parts.configure({ audio: { output: { voice: 'ash' } } }) },
  {
    why: 'an item was deleted',
    first: ({ items }) => addItem(items, 'Hello.', 'item_first'),
    change: ({ items }) => items.delete('item_first'),
  },
  {
    why: 'the conversation changed and changed back',
    change({ items }) {
      addItem(items, 'Hello.', 'item_other');
      items.delete('item_other');
    },
  },
  { why: 'the turn never came', turn() {} },
  {
    why: 'another response left out what the model was asked with',
    first({ items }) {
      addItem(items, 'word '.repeat(18));
      addItem(items, 'Hello.');
    },
    change({ responses }) {
      const instructions = 'word '.repeat(30);
      responses.create({ conversation: 'none', instructions, output_modalities: ['text'] });
    },
  },
];

function userItem(text: string, id?: string) {
  const content = [{ type: 'input_text' as const, text }];
  return {
    type: 'conversation.item.create',
    item: { ...(id && { id }), type: 'message', role: 'user', content },
  } as const;
}

function addItem(items: Parts['items'], text: string, id?: string): void {
  items.create(userItem(text, id), new Map());
}

for (const { why, first, guess = questions[0] ?? '', change, turn } of changes) {
  test(`a generation is not adopted when ${why}, and leaves no trace in the response`, async () => {
    const run = async (speculate: boolean) => {
      const engines = fakeEngines();
      const parts = newParts(engines, { tokens: words, settings: { contextTokens: [{ tokens: 40 }] } });
      first?.(parts);
      if (speculate) assert.ok(parts.responses.speculate(expectedTurn(guess)));
      await settle();
      change?.(parts);
      await parts.clock.advance(60_000);
      if (turn) turn(parts);
      else parts.say(questions[0] ?? '');
      await parts.answer();
      return { engines, trace: await traceOf(parts) };
    };
    const [speculated, plain] = [await run(true), await run(false)];
    assert.deepEqual(speculated.trace, plain.trace);
    const asked = speculated.engines.languageModel.requests;
    assert.equal(asked.length, plain.engines.languageModel.requests.length + 1);
    assert.equal(asked[0]?.signal.aborted, true);
    assert.equal(asked.at(-1)?.claim?.adoption, undefined);
  });
}

for (const stage of ['languageModel', 'voice'] as const) {
  test(`a generation whose ${stage} failed is not adopted, and the response calls the engine again`, async () => {
    const engines = fakeEngines();
    failOnce(engines, stage);
    const parts = newParts(engines);
    parts.responses.speculate(expectedTurn('Hello.'));
    await settle();
    assert.deepEqual(parts.trace.log, []);
    parts.say('Hello.');
    await parts.answer();
    assert.match(JSON.stringify(parts.trace.events.at(-2)), /"status":"completed"/);
    assert.equal(engines.languageModel.requests.length, 2);
  });
}

function failOnce(engines: FakeEngines, stage: 'languageModel' | 'voice'): void {
  let failed = false;
  const fail = () => {
    if (failed) return;
    failed = true;
    throw new Error('broken');
  };
  if (stage === 'languageModel') {
    engines.languageModel.script = () => {
      fail();
      return say('Hello.');
    };
    return;
  }
  const { voice } = engines;
  const speak = voice.speak.bind(voice);
  voice.speak = async function* (text, options) {
    fail();
    yield* speak(text, options);
  };
}

test('log entries of a generation are written when it is adopted', async () => {
  const engines = fakeEngines();
  engines.voice.speak = async function* () {};
  const parts = newParts(engines);
  parts.responses.speculate(expectedTurn('Hello?'))?.drop();
  parts.responses.speculate(expectedTurn('Hello.'));
  await settle();
  assert.deepEqual(parts.trace.log, []);
  parts.say('Hello.');
  await parts.answer();
  assert.deepEqual(parts.trace.log[0], ['warn', 'voice_silent', { voice: 'alloy', characters: 16 }]);
  assert.equal(parts.trace.log.length, 2, 'and response_failed');
});

test('a generation is bounded until it is adopted', async () => {
  const engines = fakeEngines();
  let pulled = 0;
  engines.languageModel.script = function* (): Iterable<ModelEvent> {
    for (;;) {
      pulled += 1;
      yield { type: 'text', text: 'Again and again. ' };
    }
  };
  const parts = newParts(engines);
  parts.configure({ output_modalities: ['text'] });
  parts.responses.speculate(expectedTurn('Hello.'))?.drop();
  const speculation = parts.responses.speculate(expectedTurn('Hello.'));
  await settle();
  assert.ok(pulled > 8 && pulled < 80, `${pulled}`);
  const before = pulled;
  speculation?.drop();
  await settle();
  assert.ok(pulled <= before + 1);
});

test('another speculation, a response that does not match, and the end of the session drop a speculation', async () => {
  const engines = fakeEngines();
  engines.languageModel.script = ({ signal }) => hang<ModelEvent>(signal, { type: 'text', text: 'Well' });
  const parts = newParts(engines);
  const signals = () => engines.languageModel.requests.map(({ signal }) => signal.aborted);
  parts.responses.speculate(expectedTurn('One.'));
  await settle();
  parts.responses.speculate(expectedTurn('Two.'));
  await settle();
  assert.deepEqual(signals(), [true, false]);
  parts.responses.create({});
  await settle();
  assert.deepEqual(signals(), [true, true, false]);
  assert.equal(parts.responses.speculate(expectedTurn('Three.')), undefined, 'a response is running');
  parts.responses.cancel(undefined);
  parts.responses.speculate(expectedTurn('Four.'));
  await settle();
  parts.responses.close();
  assert.deepEqual(signals(), [true, true, true, true]);
  assert.equal(parts.responses.speculate(expectedTurn('Five.')), undefined, 'no response may start');
});

test('an out-of-band response does not affect a speculation', async () => {
  const engines = fakeEngines();
  const parts = newParts(engines);
  parts.responses.speculate(expectedTurn('Hello.'));
  await settle();
  parts.responses.create({ conversation: 'none', output_modalities: ['text'] });
  await settle();
  parts.say('Hello.');
  await parts.answer();
  assert.equal(engines.languageModel.requests.length, 2);
});

test('a refused response drops the speculation', async () => {
  const engines = fakeEngines();
  const meter = {
    admitResponse: async () => ({ refusal: { message: 'Too much.', retryAfterMs: 1000 } }),
    responseUsed() {},
    transcriptionUsed() {},
    rateLimits: () => [],
  };
  const parts = newParts(engines, { meter });
  parts.responses.speculate(expectedTurn('Hello.'));
  await settle();
  parts.say('Hello.');
  await parts.answer();
  assert.match(JSON.stringify(parts.trace.events.at(-1)), /"status":"failed"/);
  assert.deepEqual(
    engines.languageModel.requests.map(({ signal }) => signal.aborted),
    [true],
  );
});

test('a speculation fetches no images, and does not start if one is missing', async () => {
  const engines = fakeEngines();
  let fetched = 0;
  const images = {
    async fetch() {
      fetched += 1;
      return 'data:image/png;base64,AAAA';
    },
  };
  const parts = newParts(engines, { images });
  const image = { type: 'input_image', image_url: 'https://example.com/a.png' } as const;
  const item = { type: 'message', role: 'user', content: [image] } as const;
  parts.items.create({ type: 'conversation.item.create', item: { ...item, content: [image] } }, new Map());
  parts.responses.speculate(expectedTurn('What is it?'));
  await settle();
  assert.deepEqual([fetched, engines.languageModel.requests.length], [0, 0]);
  parts.say('What is it?');
  await parts.answer();
  assert.deepEqual([fetched, engines.languageModel.requests.length], [1, 1]);
  parts.responses.speculate(expectedTurn('Are you sure?'));
  await settle();
  parts.say('Are you sure?');
  await parts.answer();
  assert.deepEqual([fetched, engines.languageModel.requests.length], [1, 2], 'adopted, with the image that is there');
});

test('a speculation does not start while a transcript is missing', async () => {
  const engines = fakeEngines();
  const transcript = Promise.withResolvers<string>();
  engines.transcriber.hear = () => transcript.promise;
  const parts = newParts(engines);
  const clip = { samples: tone(500, 24_000), sampleRateHz: 24_000 };
  parts.items.commit('item_spoken', clip, clip);
  parts.responses.speculate(expectedTurn('Hello?'));
  transcript.resolve('are you there');
  await settle();
  assert.equal(engines.languageModel.requests.length, 0);
  parts.responses.speculate(expectedTurn('Hello?'));
  await settle();
  assert.equal(engines.languageModel.requests.length, 1);
});
