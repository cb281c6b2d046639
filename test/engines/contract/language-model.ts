/** The contract of every language model. An engine's test calls `languageModelContract` with a factory. */

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type {
  ContextItem,
  LanguageModel,
  ModelEvent,
  ModelRequest,
} from '../../../src/session/ports/language-model.ts';
import {
  bearsALateAbort,
  letsItsConsumerLeave,
  refusesWhenAborted,
  type Start,
  stopsBetweenEvents,
  stopsWhileWaiting,
} from './promptness.ts';

export interface LanguageModelSubject {
  /** Creates a working model; called in each test, with `t` for cleanup. */
  open(t: TestContext): Promise<LanguageModel> | LanguageModel;
  /** Creates a model that fails, for example because its server is closed. Absent if it cannot fail. */
  broken?(t: TestContext): Promise<LanguageModel> | LanguageModel;
  /**
   * Input that makes the model answer with `text`, possibly with more words around it; the answer has several tokens.
   */
  askToSay(text: string): string;
  /** Input that makes the model call the tool `get_weather` for a city; absent if it never calls tools. */
  askForWeather?(city: string): string;
}

export function languageModelContract(name: string, subject: LanguageModelSubject): void {
  const asking =
    (model: LanguageModel, text: string, options: Partial<ModelRequest> = {}): Start<ModelEvent> =>
    (signal) =>
      model.generate(requestWith([userSays(text)], { ...options, signal }));

  describe(`${name} fulfils the contract of a language model`, () => {
    test('it answers in text, and its last event is the only finish', async (t) => {
      const model = await subject.open(t);
      const events = await answer(model, [userSays(subject.askToSay('the early bird'))]);
      assert.match(textOf(events), /early bird/i);
      assert.deepEqual(
        events.map(({ type }) => type).filter((type) => type !== 'text' && type !== 'thinking'),
        ['finish'],
      );
      assert.equal(finishOf(events).reason, 'stop');
    });

    test('text passes through unchanged in any script', async (t) => {
      const model = await subject.open(t);
      for (const words of ['naïve café', 'привет мир', '日本語です', 'مرحبا', '👩‍👩‍👧 fun']) {
        const text = textOf(await answer(model, [userSays(subject.askToSay(words))]));
        assert.ok(text.isWellFormed());
        assert.ok(text.toLowerCase().includes(words.toLowerCase()), `"${words}" became "${text}"`);
      }
    });

    test('a conversation without user text results in an answer or an Error', async (t) => {
      const model = await subject.open(t);
      const events = await answer(model, []).catch((error: unknown) => assert.ok(error instanceof Error));
      if (events) assert.ok(finishOf(events));
    });

    test('a long conversation is answered by its last message', async (t) => {
      const model = await subject.open(t);
      const items = Array.from({ length: 200 }, (_, index) => [
        userSays(`This is remark ${index}. ${'It goes on and on. '.repeat(20)}`),
        assistantSays(`I see, remark ${index}.`),
      ]).flat();
      const events = await answer(model, [...items, userSays(subject.askToSay('a stitch in time'))]);
      assert.match(textOf(events), /stitch in time/i);
    });

    test('concurrent requests each get their own answer, in order', async (t) => {
      const model = await subject.open(t);
      const words = ['one apple', 'two pears', 'three plums', 'four figs', 'five dates', 'six limes'];
      const answers = await Promise.all(words.map((each) => answer(model, [userSays(subject.askToSay(each))])));
      answers.forEach((events, index) => {
        assert.ok(
          textOf(events)
            .toLowerCase()
            .includes(words[index] ?? ''),
          `${words[index]}: ${textOf(events)}`,
        );
      });
    });

    test('reported usage has whole numbers, and no more cached tokens than input', async (t) => {
      const model = await subject.open(t);
      const { usage } = finishOf(await answer(model, [userSays(subject.askToSay('some words'))]));
      if (usage === undefined) return;
      for (const figure of [usage.inputTokens, usage.outputTokens]) assert.ok(Number.isInteger(figure) && figure >= 0);
      assert.ok((usage.cachedInputTokens ?? 0) <= usage.inputTokens);
    });

    const { askForWeather } = subject;
    if (askForWeather) {
      test('a call has a name, JSON arguments and an end, and calls do not interleave', async (t) => {
        const model = await subject.open(t);
        const items = [userSays(askForWeather('Paris'))];
        const events = await answer(model, items, { tools: [weatherTool], toolChoice: 'required' });
        const [call] = callsOf(events);
        assert.equal(call?.name, weatherTool.name);
        const given: unknown = JSON.parse(call?.arguments ?? '');
        assert.deepEqual(given, { city: 'Paris' });
        assert.equal(finishOf(events).reason, 'stop');
      });

      test('a call with an output is answered', async (t) => {
        const model = await subject.open(t);
        const items: ContextItem[] = [
          userSays(askForWeather('Paris')),
          { type: 'call', callId: 'call_1', name: weatherTool.name, arguments: '{"city":"Paris"}' },
          { type: 'call_output', callId: 'call_1', output: '{"weather":"snow"}' },
        ];
        const events = await answer(model, items, { tools: [weatherTool] });
        assert.notEqual(textOf(events), '');
        assert.equal(finishOf(events).reason, 'stop');
      });
    }

    test('aborted before it begins, it throws the reason and yields nothing', async (t) => {
      await refusesWhenAborted(asking(await subject.open(t), subject.askToSay('no words')));
    });

    test('aborted during a wait, it throws the reason immediately', async (t) => {
      await stopsWhileWaiting(asking(await subject.open(t), subject.askToSay('no words')));
    });

    test('aborted between two events, it yields nothing more', async (t) => {
      await stopsBetweenEvents(asking(await subject.open(t), subject.askToSay('one two three four five six seven')));
    });

    test('the consumer may stop iterating', async (t) => {
      await letsItsConsumerLeave(asking(await subject.open(t), subject.askToSay('one two three four five six seven')));
    });

    test('an abort after the last event changes nothing', async (t) => {
      await bearsALateAbort(asking(await subject.open(t), subject.askToSay('all of it')));
    });

    const { broken } = subject;
    if (broken) {
      test('a failure is an Error with a message', async (t) => {
        const model = await broken(t);
        await assert.rejects(answer(model, [userSays('Hello.')]), isTellingError);
      });
    }
  });
}

export const weatherTool = {
  name: 'get_weather',
  description: 'Tells the weather in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

export function userSays(text: string): ContextItem {
  return { type: 'message', role: 'user', content: [{ type: 'text', text }] };
}

export function assistantSays(text: string): ContextItem {
  return { type: 'message', role: 'assistant', content: [{ type: 'text', text }] };
}

/** A plain request, in the form that a session sends. */
export function requestWith(items: readonly ContextItem[], options: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: 'gpt-realtime',
    instructions: 'You are brief.',
    items,
    tools: [],
    toolChoice: 'auto',
    maxOutputTokens: 'inf',
    spoken: true,
    signal: new AbortController().signal,
    ...options,
  };
}

/** All events of an answer, checked to be in a valid order. */
export async function answer(
  model: LanguageModel,
  items: readonly ContextItem[],
  options: Partial<ModelRequest> = {},
): Promise<ModelEvent[]> {
  const events = await Array.fromAsync(model.generate(requestWith(items, options)));
  assertOrder(events);
  return events;
}

export function assertOrder(events: readonly ModelEvent[]): void {
  let inCall = false;
  events.forEach((event, index) => {
    const at = `event ${index}, ${event.type}`;
    if (event.type === 'call') assert.ok(!inCall, `${at}: within another call`);
    if (event.type === 'text') assert.ok(!inCall && event.text !== '', `${at}: empty, or within a call`);
    if (event.type === 'call_arguments' || event.type === 'call_end') assert.ok(inCall, `${at}: outside a call`);
    if (event.type === 'finish') assert.equal(index, events.length - 1, `${at}: not the last event`);
    if (event.type === 'call') inCall = true;
    if (event.type === 'call_end') inCall = false;
  });
  assert.equal(events.at(-1)?.type, 'finish');
}

export function textOf(events: readonly ModelEvent[]): string {
  return events.map((event) => (event.type === 'text' ? event.text : '')).join('');
}

export interface MadeCall {
  name: string;
  callId?: string;
  arguments: string;
}

export function callsOf(events: readonly ModelEvent[]): MadeCall[] {
  const calls: MadeCall[] = [];
  for (const event of events) {
    if (event.type === 'call') {
      calls.push({ name: event.name, arguments: '', ...(event.callId !== undefined && { callId: event.callId }) });
    }
    const last = calls.at(-1);
    if (event.type === 'call_arguments' && last) last.arguments += event.delta;
  }
  return calls;
}

export function finishOf(events: readonly ModelEvent[]): Extract<ModelEvent, { type: 'finish' }> {
  const last = events.at(-1);
  assert.ok(last?.type === 'finish');
  return last;
}

export function isTellingError(error: unknown): boolean {
  assert.ok(error instanceof Error);
  assert.ok(error.message.length > 10, `"${error.message}" says too little`);
  return true;
}
