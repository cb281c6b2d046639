import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FakeClock, settle } from './fake-clock.ts';
import { gate } from './fake-engines.ts';

test('settle waits for code that takes many turns of the event loop, and many microtasks in each', async () => {
  let turns = 0;
  const work = async () => {
    for (; turns < 500; turns += 1) {
      await nextTurn();
      for (let step = 0; step < 50; step += 1) await null;
    }
  };
  void work();
  void work();
  await Promise.all([settle(), settle()]);
  assert.ok(turns >= 500, `${turns} turns`);
});

test('settle does not wait for promises that the test or the clock resolves', async () => {
  const clock = new FakeClock();
  const { opened, open } = gate();
  const steps: string[] = [];
  const work = async () => {
    await opened;
    steps.push('opened');
    await new Promise<void>((resolve) => clock.after(1000, resolve));
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    steps.push('due');
  };
  void work();
  await settle();
  assert.deepEqual(steps, []);
  open();
  await settle();
  assert.deepEqual(steps, ['opened']);
  await clock.advance(1000);
  assert.deepEqual(steps, ['opened', 'due']);
});

test('settle fails if the code is never idle', async () => {
  let stopped = false;
  const spin = () => {
    if (!stopped) setImmediate(spin);
  };
  spin();
  await assert.rejects(settle(), /not idle after 100000 turns/);
  stopped = true;
  await settle();
});
