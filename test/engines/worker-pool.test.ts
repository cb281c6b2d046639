import assert from 'node:assert/strict';
import { getPriority, setPriority } from 'node:os';
import { type TestContext, test } from 'node:test';
import { EngineError } from '../../src/engines/engine-error.ts';
import { noClaim } from '../../src/engines/pool/fair-queue.ts';
import { defaultQueueLimits } from '../../src/engines/pool/queue-limits.ts';
import { WorkerPool, type WorkerPoolOptions, workerScript } from '../../src/engines/pool/worker-pool.ts';
import type { WorkClaim } from '../../src/session/ports/work-claim.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { Order } from './fixtures/obedient-worker.ts';

function newPool(t: TestContext, options: Partial<WorkerPoolOptions> = {}): WorkerPool<Order, number> {
  const script = workerScript(import.meta.url, 'fixtures/obedient-worker');
  const pool = new WorkerPool<Order, number>({ engine: 'obedient', script, size: 1, ...options });
  t.after(() => pool.close());
  return pool;
}

async function collect(messages: AsyncIterable<number>): Promise<number[]> {
  const all: number[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

function waitForAbort(): { order: Order; told: Promise<string> } {
  const buffer = new SharedArrayBuffer(4);
  const wait = Atomics.waitAsync(new Int32Array(buffer), 0, 0);
  return { order: { do: 'wait for abort', told: buffer }, told: Promise.resolve(wait.value) };
}

test('a job yields its messages in order, then ends', async (t) => {
  const pool = newPool(t);
  assert.deepEqual(await collect(pool.run({ do: 'count', to: 4 })), [1, 2, 3, 4]);
});

test('threads yield to the event loop', { skip: withoutPriorities() }, async (t) => {
  const lowest = 19;
  const expected = Math.min(getPriority(0) + 5, lowest);
  assert.deepEqual(await collect(newPool(t).run({ do: 'tell priority' })), [expected]);
});

function withoutPriorities(): string | false {
  if (process.platform !== 'linux') return 'only Linux has priorities of threads';
  try {
    setPriority(0, getPriority(0));
    return false;
  } catch {
    return 'this sandbox forbids priorities';
  }
}

test('more jobs than threads are all served', async (t) => {
  const pool = newPool(t, { size: 2 });
  const results = await Promise.all([1, 2, 3, 4, 5].map((to) => collect(pool.run({ do: 'count', to }))));
  assert.deepEqual(
    results.map((result) => result.at(-1)),
    [1, 2, 3, 4, 5],
  );
});

test('a transferred buffer is moved', async (t) => {
  const pool = newPool(t);
  const samples = Int16Array.of(1, 2, 3);
  assert.deepEqual(await collect(pool.run({ do: 'sum', samples }, { transfer: [samples.buffer] })), [6]);
  assert.equal(samples.length, 0);
});

test('an aborted job throws the reason and yields nothing more; its worker is notified, and the thread serves others', async (t) => {
  const pool = newPool(t);
  const { order, told } = waitForAbort();
  const abort = new AbortController();
  const messages = pool.run(order, { signal: abort.signal });
  assert.deepEqual(await messages.next(), { done: false, value: 0 });
  abort.abort(new Error('the user spoke'));
  await assert.rejects(messages.next(), /the user spoke/);
  assert.deepEqual(await messages.next(), { done: true, value: undefined });
  assert.equal(await told, 'ok');
  assert.deepEqual(await collect(pool.run({ do: 'count', to: 1 })), [1]);
});

test('leaving the iteration early abandons the job', async (t) => {
  const pool = newPool(t);
  const { order, told } = waitForAbort();
  for await (const message of pool.run(order)) {
    assert.equal(message, 0);
    break;
  }
  assert.equal(await told, 'ok');
});

test('aborting a queued job makes room in the queue immediately', async (t) => {
  const pool = newPool(t, { queue: { ...defaultQueueLimits, jobs: 1, waitMs: 1000 } });
  const blocker = waitForAbort();
  const block = new AbortController();
  const running = pool.run(blocker.order, { signal: block.signal });
  await running.next();

  const abort = new AbortController();
  const waiting = collect(pool.run({ do: 'count', to: 1 }, { signal: abort.signal }));
  await assert.rejects(collect(pool.run({ do: 'count', to: 1 })), /obedient: too busy: 1 jobs wait for it already/);
  abort.abort(new Error('never mind'));
  const next = collect(pool.run({ do: 'count', to: 2 }));
  await assert.rejects(waiting, /never mind/);
  block.abort();
  assert.deepEqual(await next, [1, 2]);
});

test('a job that waits too long fails as overloaded; other queued jobs are unaffected', async (t) => {
  const clock = new FakeClock();
  const pool = newPool(t, { clock, queue: { ...defaultQueueLimits, jobs: 8 } });
  await pool.ready;
  const blocker = waitForAbort();
  const block = new AbortController();
  const running = pool.run(blocker.order, { signal: block.signal });
  await running.next();
  const waits: boolean[] = [];
  const claim = { ...noClaim, onWait: (waiting: boolean) => waits.push(waiting) };
  const waiting = collect(pool.run({ do: 'count', to: 1 }, { claim }));
  const failed = assert.rejects(waiting, (error) => {
    assert.ok(error instanceof EngineError && error.overloaded);
    assert.match(error.message, /obedient: too busy: the job has waited for 20 s/);
    return true;
  });
  await clock.advance(15_000);
  const next = collect(pool.run({ do: 'count', to: 2 }, { claim }));
  await clock.advance(5000);
  await failed;
  block.abort();
  assert.deepEqual(await next, [1, 2]);
  assert.deepEqual(waits, [true, true, false, false]);
});

test('under overload speculation stops first; then the pool reports it until conversations are served in time', async (t) => {
  const clock = new FakeClock();
  const pool = newPool(t, { clock, queue: { ...defaultQueueLimits, overloadMs: 2000 } });
  await pool.ready;
  const block = new AbortController();
  const running = pool.run(waitForAbort().order, { signal: block.signal });
  await running.next();
  const start = (priority: WorkClaim['priority']) =>
    collect(pool.run({ do: 'count', to: 1 }, { claim: { ...noClaim, priority } }));
  const early = start('speculation');
  const live = start('live');
  const refused = (speculation: Promise<number[]>) =>
    assert.rejects(speculation, (error) => {
      assert.ok(error instanceof EngineError && error.overloaded);
      assert.match(error.message, /obedient: too busy: conversations wait for it/);
      return true;
    });
  await refused(start('speculation'));
  assert.equal(pool.overloaded, false);
  await clock.advance(2000);
  assert.equal(pool.overloaded, true);
  const upload = start('upload');
  block.abort();
  assert.deepEqual(await Promise.all([live, upload, early]), [[1], [1], [1]]);
  await refused(start('speculation'));
  await clock.advance(5000);
  assert.equal(pool.overloaded, false);
  assert.deepEqual(await start('speculation'), [1]);
});

test('queued speculative work becomes live work when it is adopted', async (t) => {
  const pool = newPool(t);
  const block = new AbortController();
  await pool.run(waitForAbort().order, { signal: block.signal }).next();
  const adopting: (() => void)[] = [];
  const adoption = { adopted: false, whenAdopted: (act: () => void) => void adopting.push(act) };
  const ends: string[] = [];
  const start = (name: string, claim: Partial<WorkClaim>) =>
    collect(pool.run({ do: 'count', to: 1 }, { claim: { ...noClaim, ...claim } })).then(() => ends.push(name));
  const all = [
    start('upload', { priority: 'upload' }),
    start('dropped', { priority: 'speculation' }),
    start('adopted', { priority: 'speculation', adoption }),
  ];
  for (const act of adopting) act();
  block.abort();
  await Promise.all(all);
  assert.deepEqual(ends, ['adopted', 'upload', 'dropped']);
});

test('a full queue drops the newest job of the busiest session instead of the new one', async (t) => {
  const pool = newPool(t, { queue: { ...defaultQueueLimits, jobs: 2 } });
  const block = new AbortController();
  const running = pool.run(waitForAbort().order, { signal: block.signal });
  await running.next();
  const many = { ...noClaim, session: 'many' };
  const [first, second] = [1, 2].map((to) => collect(pool.run({ do: 'count', to }, { claim: many })));
  const dropped = assert.rejects(second ?? Promise.resolve(), /too busy: 2 jobs wait for it already/);
  const newcomer = collect(pool.run({ do: 'count', to: 3 }, { claim: { ...noClaim, session: 'new' } }));
  await dropped;
  block.abort();
  assert.deepEqual(await Promise.all([first, newcomer]), [[1], [1, 2, 3]]);
});

test('of the waiting jobs of a key the shortest is first', async (t) => {
  const pool = newPool(t, { clock: new FakeClock() });
  const block = new AbortController();
  const running = pool.run(waitForAbort().order, { signal: block.signal });
  await running.next();
  const order: number[] = [];
  const jobs = [900, 50, 200].map(async (expectedMs) => {
    const claim = { ...noClaim, session: `session ${expectedMs}` };
    await collect(pool.run({ do: 'count', to: 1 }, { claim, expectedMs }));
    order.push(expectedMs);
  });
  block.abort();
  await Promise.all(jobs);
  assert.deepEqual(order, [50, 200, 900]);
});

test('a thread that is stuck in an abandoned job is replaced', async (t) => {
  const clock = new FakeClock();
  const pool = newPool(t, { clock });
  const abort = new AbortController();
  const spinning = pool.run({ do: 'spin' }, { signal: abort.signal });
  await spinning.next();
  const waiting = collect(pool.run({ do: 'count', to: 2 }));
  abort.abort(new Error('never mind'));
  await assert.rejects(spinning.next(), /never mind/);
  await clock.advance(10_000);
  assert.deepEqual(await waiting, [1, 2]);
});

test('live work runs beside less urgent work in the same thread, which is suspended meanwhile', async (t) => {
  const pool = newPool(t, { preemptible: true });
  const stop = new SharedArrayBuffer(4);
  const upload = { ...noClaim, priority: 'upload' } as const;
  const background = pool.run({ do: 'take turns', most: Infinity, stop }, { claim: upload });
  assert.deepEqual(await background.next(), { done: false, value: 0 });

  const live = pool.run({ do: 'take turns', most: 1000, stop: new SharedArrayBuffer(4) });
  assert.deepEqual(await live.next(), { done: false, value: 0 }, 'live work does not wait for the upload');
  Atomics.store(new Int32Array(stop), 0, 1);
  const ends: string[] = [];
  await Promise.all([live.next().then(() => ends.push('live')), background.next().then(() => ends.push('upload'))]);
  assert.deepEqual(ends, ['live', 'upload']);
});

test('partial work runs one job at a time, and rests until it is within its share', async (t) => {
  const clock = new FakeClock();
  const pool = newPool(t, { clock, size: 2, jobsPerWorker: 4, partialShare: 0.125 });
  await pool.ready;
  const claim = { ...noClaim, priority: 'partial' } as const;
  const block = new AbortController();
  const first = pool.run(waitForAbort().order, { claim, signal: block.signal });
  await first.next();
  const started: number[] = [];
  const run = (to: number) =>
    collect(pool.run({ do: 'count', to }, { claim, renew: () => ({ do: 'count', to: started.push(to) }) }));
  const waiting = [run(20), run(30)];
  await clock.advance(100);
  assert.deepEqual(await collect(pool.run({ do: 'count', to: 1 })), [1], 'live work is not held back');
  assert.deepEqual(started, []);

  block.abort(new Error('the turn has ended'));
  await assert.rejects(first.next(), /the turn has ended/);
  // The aborted job took 100 ms of a quarter of a thread's time.
  await collect(pool.run({ do: 'count', to: 1 }));
  await clock.advance(299);
  assert.deepEqual(started, []);
  await clock.advance(1);
  assert.deepEqual(await waiting[0], [1], 'the request is made when a thread takes the job');
  assert.deepEqual(await waiting[1], [1, 2], 'the jobs took no time on the clock, so nothing rests');
});

test('a thread suspends an upload for partial work, and both for live work', async (t) => {
  const pool = newPool(t, { preemptible: true, partialShare: 1 });
  const stops = { upload: new SharedArrayBuffer(4), partial: new SharedArrayBuffer(4), live: new SharedArrayBuffer(4) };
  const ends: string[] = [];
  const begin = async (priority: keyof typeof stops, most: number) => {
    const claim = { ...noClaim, priority };
    const job = pool.run({ do: 'take turns', most, stop: stops[priority] }, { claim });
    assert.deepEqual(await job.next(), { done: false, value: 0 }, `${priority} work does not wait`);
    return { end: job.next().then(() => ends.push(priority)) };
  };
  const upload = await begin('upload', Number.POSITIVE_INFINITY);
  const partial = await begin('partial', Number.POSITIVE_INFINITY);
  const live = await begin('live', 1000);
  for (const stop of [stops.upload, stops.partial]) Atomics.store(new Int32Array(stop), 0, 1);
  await Promise.all([upload.end, partial.end, live.end]);
  assert.deepEqual(ends, ['live', 'partial', 'upload']);
});

test('a signal that is already aborted starts nothing', async (t) => {
  const pool = newPool(t);
  const signal = AbortSignal.abort(new Error('too late'));
  await assert.rejects(collect(pool.run({ do: 'die' }, { signal })), /too late/);
});

test('an error in a job affects only that job, and names the engine', async (t) => {
  const pool = newPool(t);
  await assert.rejects(collect(pool.run({ do: 'throw' })), (error) => {
    assert.ok(error instanceof EngineError);
    assert.equal(error.engine, 'obedient');
    assert.equal(error.message, 'obedient: no such word');
    return true;
  });
  assert.deepEqual(await collect(pool.run({ do: 'count', to: 1 })), [1]);
});

test('a thread that exits fails its own jobs and is replaced', async (t) => {
  const pool = newPool(t, { jobsPerWorker: 2 });
  const bystander = pool.run(waitForAbort().order);
  await bystander.next();
  const dying = collect(pool.run({ do: 'die' }));
  const waiting = collect(pool.run({ do: 'count', to: 3 }));
  await assert.rejects(dying, /obedient: the worker stopped: its thread ended with code 3/);
  await assert.rejects(bystander.next(), EngineError);
  assert.deepEqual(await waiting, [1, 2, 3]);
});

test('a worker that cannot load reports the error to `ready` and to every job', async (t) => {
  const pool = newPool(t, { workerData: 'fail' });
  await assert.rejects(pool.ready, /obedient: model.onnx is missing; run npm install/);
  await assert.rejects(collect(pool.run({ do: 'count', to: 1 })), /model.onnx is missing/);
});

test('a missing worker file is an error, not a hang', async (t) => {
  const pool = newPool(t, { script: new URL('./no-such-file.ts', import.meta.url) });
  await assert.rejects(pool.ready, /obedient: .*no-such-file/);
});

test('closing fails running and queued jobs, and refuses new ones', async (t) => {
  const pool = newPool(t);
  const running = pool.run(waitForAbort().order);
  await running.next();
  const waiting = collect(pool.run({ do: 'count', to: 1 }));
  const waitingFails = assert.rejects(waiting, /obedient: the engine has been closed/);
  await pool.close();
  await waitingFails;
  await assert.rejects(running.next(), /closed/);
  await assert.rejects(collect(pool.run({ do: 'count', to: 1 })), /closed/);
});
