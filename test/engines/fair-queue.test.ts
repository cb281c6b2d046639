import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FairQueue } from '../../src/engines/pool/fair-queue.ts';
import type { Priority, WorkClaim } from '../../src/session/ports/work-claim.ts';

interface Job {
  name: string;
  claim: WorkClaim;
  expectedMs: number;
}

function job(
  name: string,
  { key = '', session = name, priority = 'live' as Priority, expectedMs = 0 }: Partial<WorkClaim & Job> = {},
): Job {
  return { name, claim: { key, session, priority }, expectedMs };
}

/** Serves one job after the other; the first letter of its name determines its `costMs`. */
function served(queue: FairQueue<Job>, count: number, costMs: Record<string, number> = {}): string {
  let names = '';
  for (let i = 0; i < count; i++) {
    const next = queue.shift();
    if (!next) break;
    names += next.name;
    queue.finish(next, costMs[next.name] ?? 10);
  }
  return names;
}

function filled(...jobs: Job[]): FairQueue<Job> {
  const queue = new FairQueue<Job>();
  for (const each of jobs) queue.push(each);
  return queue;
}

const ofEachPriority = () => [
  job('s', { priority: 'speculation' }),
  job('u', { priority: 'upload' }),
  job('p', { priority: 'partial' }),
  job('l'),
];

test('decided turns precede partial transcripts, then uploads, then speculation, regardless of arrival', () => {
  const queue = filled(...ofEachPriority());
  assert.equal(queue.nextPriority, 'live');
  assert.equal(served(queue, 4), 'lpus');
  assert.equal(queue.nextPriority, undefined);
});

test('a priority that is not served waits, and others are not delayed', () => {
  let resting = true;
  const queue = new FairQueue<Job>((priority) => !(resting && priority === 'partial'));
  for (const each of ofEachPriority()) queue.push(each);
  assert.equal(served(queue, 4), 'lus');
  assert.equal(queue.nextPriority, undefined);
  assert.equal(queue.size, 1);
  resting = false;
  assert.equal(served(queue, 1), 'p');
});

test('sessions of a key take turns, and jobs of a session stay in order', () => {
  const many = Array.from({ length: 4 }, () => job('a'));
  assert.equal(served(filled(...many, job('b'), job('b'), job('c')), 7), 'abcabaa');
});

test('keys take turns, regardless of their number of sessions', () => {
  const crowd = ['a', 'b', 'c', 'd'].map((name) => job(name, { key: 'crowd' }));
  const alone = [job('x', { key: 'alone' }), job('x', { key: 'alone' })];
  assert.equal(served(filled(...crowd, ...alone), 6), 'axbxcd');
});

test('time is shared equally, not the number of jobs', () => {
  const long = Array.from({ length: 3 }, () => job('L'));
  const short = Array.from({ length: 9 }, () => job('s'));
  assert.equal(served(filled(...long, ...short), 12, { L: 90, s: 10 }), 'LsssssssssLL');
});

test('a new job waits for running jobs, not for queued ones', () => {
  const queue = filled(job('a'), job('a'), job('a'));
  const running = queue.shift();
  assert.ok(running);
  queue.push(job('new'));
  assert.equal(queue.shift()?.name, 'new');
});

test('an idle session accumulates no credit', () => {
  const queue = filled(job('a'), job('b'), job('a'), job('a'), job('a'), job('a'));
  assert.equal(served(queue, 4), 'abaa');
  for (let i = 0; i < 4; i++) queue.push(job('b'));
  assert.equal(served(queue, 6), 'bababb');
});

test('shorter jobs of a session are first, and equal ones stay in order', () => {
  const ofOne = (name: string, expectedMs: number) => job(name, { session: 'one', expectedMs });
  assert.equal(served(filled(ofOne('L', 90), ofOne('m', 40), ofOne('a', 10), ofOne('b', 10)), 4), 'abmL');
});

test('of the sessions of a key, the one with the shorter job is first', () => {
  const queue = filled(job('L', { expectedMs: 90 }), job('m', { expectedMs: 40 }), job('s', { expectedMs: 10 }));
  assert.equal(served(queue, 3, { L: 90, m: 40 }), 'smL');
});

test('a shorter job does not precede the turn of another key', () => {
  const long = job('L', { key: 'first', expectedMs: 90 });
  const short = ['a', 'b', 'c'].map((name) => job(name, { key: 'second', expectedMs: 10 }));
  assert.equal(served(filled(long, ...short), 4, { L: 90 }), 'Labc');
});

for (const [whose, session] of [
  ['its session', 'one'],
  ['new sessions of its key', undefined],
] as const) {
  test(`a long job waits for as much shorter work of ${whose} as it takes itself, not for all that arrives`, () => {
    const queue = filled(job('L', { session: 'one', expectedMs: 90 }));
    let order = '';
    for (let i = 0; i < 20; i++) {
      queue.push(job('s', { session: session ?? `session ${i}`, expectedMs: 10 }));
      order += served(queue, 1, { L: 90 });
    }
    assert.equal(order.indexOf('L'), 8);
  });
}

test('the estimates of jobs do not change the shares of sessions', () => {
  const long = Array.from({ length: 3 }, () => job('L', { expectedMs: 90 }));
  const short = Array.from({ length: 18 }, () => job('s', { expectedMs: 10 }));
  assert.equal(served(filled(...long, ...short), 21, { L: 90 }), 'ssssssssLsssssssssLsL');
});

test('a full queue drops the newest job of the busiest session of the busiest key', () => {
  const queue = filled(
    job('x', { key: 'alone' }),
    job('a', { key: 'crowd' }),
    job('b', { key: 'crowd', session: 'b' }),
    job('B', { key: 'crowd', session: 'b' }),
  );
  assert.equal(queue.dropGreediest()?.name, 'B');
  assert.equal(queue.size, 3);
});

test('the least urgent work is dropped first', () => {
  const queue = filled(job('l'), job('l'), job('u', { priority: 'upload' }));
  assert.equal(queue.dropGreediest()?.name, 'u');
});

test('a removed or cleared job is not served', () => {
  const [a, b, c] = [job('a'), job('b'), job('c')];
  const queue = filled(a, b, c);
  assert.equal(queue.remove(b), true);
  assert.equal(queue.remove(b), false);
  assert.equal(queue.has(b), false);
  assert.deepEqual(queue.clear(), [a, c]);
  assert.equal(queue.shift(), undefined);
  assert.equal(queue.size, 0);
});
