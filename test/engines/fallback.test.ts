import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../src/engines/engine-error.ts';
import { failover } from '../../src/engines/spec/fallback.ts';
import type { LanguageModel, ModelEvent } from '../../src/session/ports/language-model.ts';
import type { PartialTranscript, Transcriber } from '../../src/session/ports/transcriber.ts';
import type { Voice } from '../../src/session/ports/voice.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { say } from '../support/fake-engines.ts';
import { answer, languageModelContract, textOf, userSays } from './contract/language-model.ts';
import { growingTurn } from './contract/transcriber.ts';

/** A model that answers with its name, or fails on request. */
class Named implements LanguageModel {
  requests = 0;
  warmed = 0;
  fails: 'never' | 'overloaded' | 'at once' | 'in the middle' = 'never';
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  warm(): void {
    this.warmed += 1;
  }

  async *generate(): AsyncGenerator<ModelEvent> {
    this.requests += 1;
    if (this.fails === 'at once') throw new Error(`${this.name} is away`);
    if (this.fails === 'overloaded') throw new EngineError(this.name, 'too busy', { overloaded: true });
    yield { type: 'text', text: this.name };
    if (this.fails === 'in the middle') throw new Error(`${this.name} broke`);
    yield { type: 'finish', reason: 'stop' };
  }
}

function twoModels() {
  const [first, second] = [new Named('first'), new Named('second')];
  const entries: object[] = [];
  const clock = new FakeClock();
  const model = failover.languageModel(
    [first, second].map((engine) => ({ name: engine.name, engine })),
    {
      clock,
      onFallback: (change) => entries.push(change),
      onRecovery: (engine) => entries.push(engine),
    },
  );
  const ask = async () => textOf(await answer(model, [userSays('Who are you?')]));
  return { model, first, second, entries, clock, ask };
}

languageModelContract('an engine with a fallback', {
  open: () => {
    const repeats: LanguageModel = {
      async *generate({ items, signal }) {
        signal.throwIfAborted();
        const last = items.at(-1);
        const part = last?.type === 'message' ? last.content[0] : undefined;
        for (const event of say(part?.type === 'text' ? part.text : '')) {
          signal.throwIfAborted();
          yield event;
        }
      },
    };
    const away = new Named('away');
    away.fails = 'at once';
    const candidates = [
      { name: 'away', engine: away },
      { name: 'here', engine: repeats },
    ];
    return failover.languageModel(candidates, { clock: new FakeClock() });
  },
  askToSay: (text) => text,
});

test('only the engine that would be asked is warmed up', async () => {
  const { model, first, second, clock, ask } = twoModels();
  model.warm?.();
  assert.deepEqual([first.warmed, second.warmed], [1, 0]);
  first.fails = 'at once';
  await ask();
  model.warm?.();
  assert.deepEqual([first.warmed, second.warmed], [1, 1]);
  await clock.advance(30_000);
  model.warm?.();
  assert.deepEqual([first.warmed, second.warmed], [2, 1]);
});

test('the first engine that works answers, and a change is logged once', async () => {
  const { first, entries, ask } = twoModels();
  assert.equal(await ask(), 'first');
  first.fails = 'at once';
  assert.equal(await ask(), 'second');
  assert.equal(await ask(), 'second');
  assert.deepEqual(entries, [{ from: 'first', to: 'second', error: 'first is away' }]);
});

test('an engine whose queue is full is tried first again by the next request', async () => {
  const { first, second, ask } = twoModels();
  first.fails = 'overloaded';
  assert.equal(await ask(), 'second');
  first.fails = 'never';
  assert.equal(await ask(), 'first');
  assert.equal(second.requests, 1);
});

test('a failed engine is tried again after half a minute, and its recovery is logged', async () => {
  const { first, entries, clock, ask } = twoModels();
  first.fails = 'at once';
  await ask();
  await ask();
  assert.equal(first.requests, 1, 'it is not tried with every turn');
  first.fails = 'never';
  await clock.advance(30_001);
  assert.equal(await ask(), 'first');
  assert.deepEqual(entries.slice(1), [{ name: 'first' }]);
});

test('there is no fallback after the first output', async () => {
  const { first, second, ask } = twoModels();
  first.fails = 'in the middle';
  await assert.rejects(ask(), /first broke/);
  assert.equal(second.requests, 0);
});

test('if all fail, the error is that of the last one, and each is tried each time', async () => {
  const { first, second, ask } = twoModels();
  first.fails = 'at once';
  second.fails = 'at once';
  await assert.rejects(ask(), /second is away/);
  await assert.rejects(ask(), /second is away/);
  assert.deepEqual([first.requests, second.requests], [2, 2]);
});

test('an abort does not count as a failure of the engine', async () => {
  const { second, entries } = twoModels();
  const abort = new AbortController();
  const hangs: LanguageModel = {
    generate() {
      abort.abort(new Error('enough'));
      throw new Error('cut off');
    },
  };
  const candidates = [
    { name: 'hangs', engine: hangs },
    { name: 'second', engine: second },
  ];
  const model = failover.languageModel(candidates, {
    clock: new FakeClock(),
    onFallback: (change) => entries.push(change),
  });
  await assert.rejects(answer(model, [], { signal: abort.signal }), /enough/);
  assert.deepEqual([second.requests, entries.length], [0, 0]);
});

test('transcribers and voices fall back too', async () => {
  const away = () => {
    throw new Error('away');
  };
  const transcriber: Transcriber = {
    async *transcribe() {
      yield { type: 'done', text: 'heard' };
    },
  };
  const voice: Voice = {
    async *speak() {
      yield { samples: Int16Array.of(1), sampleRateHz: 16_000 };
    },
  };
  const clock = new FakeClock();
  const both = <T>(failing: T, engine: T) => [
    { name: 'away', engine: failing },
    { name: 'here', engine },
  ];
  const { signal } = new AbortController();
  const clip = { samples: new Int16Array(1), sampleRateHz: 16_000 };
  const hears = failover.transcriber(both<Transcriber>({ transcribe: away }, transcriber), { clock });
  assert.deepEqual(await Array.fromAsync(hears.transcribe(clip, { signal })), [{ type: 'done', text: 'heard' }]);
  const speaks = failover.voice(both<Voice>({ speak: away }, voice), { clock });
  assert.equal((await Array.fromAsync(speaks.speak('Hi.', { voice: 'alloy', speed: 1, signal }))).length, 1);
});

test('words during speech come from the first transcriber only, which most likely transcribes the turn', async () => {
  const follow = async function* (): AsyncGenerator<PartialTranscript> {
    yield { type: 'delta', text: 'Hello' };
  };
  const transcribe = async function* () {
    yield { type: 'done' as const, text: 'Hello.' };
  };
  const turn = growingTurn({ samples: new Int16Array(0), sampleRateHz: 16_000 }, () => {});
  const chain = (...engines: Transcriber[]) =>
    failover.transcriber(
      engines.map((engine, index) => ({ name: `${index}`, engine })),
      { clock: new FakeClock() },
    );
  const { signal } = new AbortController();
  const words = chain({ transcribe, follow }, { transcribe }).follow?.(turn, { signal }) ?? [];
  assert.deepEqual(await Array.fromAsync(words), [{ type: 'delta', text: 'Hello' }]);
  assert.equal(chain({ transcribe }, { transcribe, follow }).follow, undefined);
});
