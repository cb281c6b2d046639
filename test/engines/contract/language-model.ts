/** What every language model must do. An engine's own test calls `languageModelContract` with how to make one. */

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
  /** A model that answers; called in each test, which it may end with (`t.after`). */
  open(t: TestContext): Promise<LanguageModel> | LanguageModel;
  /** One that cannot: its server is gone, its script throws. Absent: it cannot fail. */
  broken?(t: TestContext): Promise<LanguageModel> | LanguageModel;
  /** What the user says to have `text` said back, with more words around it or without; there are several tokens in the answer. */
  askToSay(text: string): string;
  /** What the user says to have the tool `get_weather` called for a city; absent: it never calls tools. */
  askForWeather?(city: string): string;
}

export function languageModelContract(name: string, subject: LanguageModelSubject): void {
  const asking =
    (model: LanguageModel, text: string, options: Partial<ModelRequest> = {}): Start<ModelEvent> =>
    (signal) =>
      model.generate(requestWith([userSays(text)], { ...options, signal }));

  describe(`${name} keeps the contract of a language model`, () => {
    test('it answers in text, and finishes once, last', async (t) => {
      const model = await subject.open(t);
      const events = await answer(model, [userSays(subject.askToSay('the early bird'))]);
      assert.match(textOf(events), /early bird/i);
      assert.deepEqual(
        events.map(({ type }) => type).filter((type) => type !== 'text' && type !== 'thinking'),
        ['finish'],
      );
      assert.equal(finishOf(events).reason, 'stop');
    });

    test('words pass through whole, whatever their script', async (t) => {
      const model = await subject.open(t);
      for (const words of ['naïve café', 'привет мир', '日本語です', 'مرحبا', '👩‍👩‍👧 fun']) {
        const text = textOf(await answer(model, [userSays(subject.askToSay(words))]));
        assert.ok(text.isWellFormed());
        assert.ok(text.toLowerCase().includes(words.toLowerCase()), `"${words}" became "${text}"`);
      }
    });

    test('a conversation without a word from the user ends in an answer or in an Error', async (t) => {
      const model = await subject.open(t);
      const events = await answer(model, []).catch((error: unknown) => assert.ok(error instanceof Error));
      if (events) assert.ok(finishOf(events));
    });

    test('a long conversation is answered by what was said last', async (t) => {
      const model = await subject.open(t);
      const items = Array.from({ length: 200 }, (_, index) => [
        userSays(`This is remark ${index}. ${'It goes on and on. '.repeat(20)}`),
        assistantSays(`I see, remark ${index}.`),
      ]).flat();
      const events = await answer(model, [...items, userSays(subject.askToSay('a stitch in time'))]);
      assert.match(textOf(events), /stitch in time/i);
    });

    test('requests at the same time each get their own answer, in order', async (t) => {
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

    test('what it reports as usage are whole numbers, and no more is cached than was given', async (t) => {
      const model = await subject.open(t);
      const { usage } = finishOf(await answer(model, [userSays(subject.askToSay('some words'))]));
      if (usage === undefined) return;
      for (const figure of [usage.inputTokens, usage.outputTokens]) assert.ok(Number.isInteger(figure) && figure >= 0);
      assert.ok((usage.cachedInputTokens ?? 0) <= usage.inputTokens);
    });

    const { askForWeather } = subject;
    if (askForWeather) {
      test('a call has a name, arguments that are JSON, and an end, one call after the other', async (t) => {
        const model = await subject.open(t);
        const items = [userSays(askForWeather('Paris'))];
        const events = await answer(model, items, { tools: [weatherTool], toolChoice: 'required' });
        const [call] = callsOf(events);
        assert.equal(call?.name, weatherTool.name);
        const given: unknown = JSON.parse(call?.arguments ?? '');
        assert.deepEqual(given, { city: 'Paris' });
        assert.equal(finishOf(events).reason, 'stop');
      });

      test('a call that has its output is answered', async (t) => {
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

    test('aborted while somebody waits, it throws the reason at once', async (t) => {
      await stopsWhileWaiting(asking(await subject.open(t), subject.askToSay('no words')));
    });

    test('aborted between two events, it yields nothing more', async (t) => {
      await stopsBetweenEvents(asking(await subject.open(t), subject.askToSay('one two three four five six seven')));
    });

    test('its consumer may leave', async (t) => {
      await letsItsConsumerLeave(asking(await subject.open(t), subject.askToSay('one two three four five six seven')));
    });

    test('an abort after the last event changes nothing', async (t) => {
      await bearsALateAbort(asking(await subject.open(t), subject.askToSay('all of it')));
    });

    const { broken } = subject;
    if (broken) {
      test('what goes wrong is an Error with words', async (t) => {
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

/** A plain request, as a session makes it. */
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

/** All events of an answer, of which it has been checked that they come in an order that a session understands. */
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
