/** Dropped generations do not affect a script. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createResampler } from '../../../src/audio/resample.ts';
import { scriptedEngines } from '../../../src/engines/script/scripted-engines.ts';
import type { Transcriber } from '../../../src/session/ports/transcriber.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { tone } from '../../support/fake-engines.ts';
import { expectedTurn, traceOf } from '../../support/responses.ts';
import { fakeSet, partsOn, script } from './scripted.ts';

// Loads WebAssembly before the test, because a fake clock cannot wait for it.
(await createResampler(16000, 24000)).free();

function open(text: string): ReturnType<typeof partsOn> {
  return partsOn(scriptedEngines(script(text), { clock: new FakeClock(), create: () => fakeSet() }));
}

async function converse(text: string, turns: readonly string[], guess?: (turn: string) => string) {
  const parts = open(text);
  for (const turn of turns) {
    if (guess) parts.responses.speculate(expectedTurn(guess(turn)));
    await settle();
    parts.say(turn);
    await parts.answer();
  }
  return traceOf(parts);
}

const greeter = `
voice: tone
seed: greeter
rules:
  - when: hello
    once: true
    say: Hello there. Nice to meet you.
  - when: hello
    say: We have met.
  - when: broken
    say: Just a moment please. I am on it.
    fail: { how: throw, stage: voice, after: 1s }
else: Just a moment please. What was that?
`;

const turns = ['hello', 'is it broken', 'hello again', 'well'];

for (const [how, guess] of Object.entries({
  dropped: (turn: string) => (turn === 'hello' ? 'is it broken' : 'hello'),
  adopted: (turn: string) => turn,
})) {
  test(`a conversation with ${how} generations follows its script like one without`, async () => {
    assert.deepEqual(await converse(greeter, turns, guess), await converse(greeter, turns));
  });
}

test('failures of a dropped generation do not affect out-of-band responses', async () => {
  const parts = open(`delays: { voice: 100ms }\n${greeter.replace('else: ', 'else: Well. ')}`);
  parts.say('well');
  parts.responses.create({ conversation: 'none' });
  await settle();
  parts.responses.speculate(expectedTurn('is it broken'));
  await parts.clock.advance(10_000);
  const done = parts.trace.events.find((event) => JSON.stringify(event).includes('"response.done"'));
  assert.match(
    JSON.stringify(done),
    /"status":"completed".*"transcript":"Well\. Just a moment please\. What was that\?"/,
  );
});

test('a connection that the script drops is closed when the generation is adopted', async () => {
  const parts = open('rules: [{ turn: 1, say: Hello there, fail: { how: drop, after: 1 } }]');
  const speculate = async () => {
    const speculation = parts.responses.speculate(expectedTurn('hello'));
    await settle();
    return speculation;
  };
  (await speculate())?.drop();
  await speculate();
  assert.equal(parts.dropped(), 0);
  parts.say('hello');
  parts.responses.create({});
  await settle();
  assert.equal(parts.dropped(), 1);
});

test('a turn that is transcribed speculatively counts when it is adopted', async () => {
  const { core } = open('hears: [first, second]\nelse: Fine.');
  const adopting: (() => void)[] = [];
  const adoption = { adopted: false, whenAdopted: (act: () => void) => void adopting.push(act) };
  const speculative = { key: '', session: 's', priority: 'speculation', adoption } as const;
  assert.equal(await transcribe(core.engines.transcriber, speculative), 'first');
  assert.equal(await transcribe(core.engines.transcriber, speculative), 'first');
  for (const act of adopting) act();
  assert.equal(await transcribe(core.engines.transcriber), 'second');
});

async function transcribe(transcriber: Transcriber, claim?: Parameters<Transcriber['transcribe']>[1]['claim']) {
  const clip = { samples: tone(500, 24_000), sampleRateHz: 24_000 };
  const options = { signal: new AbortController().signal, ...(claim && { claim }) };
  for await (const event of transcriber.transcribe(clip, options)) if (event.type === 'done') return event.text;
  return undefined;
}
