/** SECURITY.md, "a client's input breaks a session or the process": the fuzzer detects such defects. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCase, type SessionCase } from '../../dev/fuzz/cases.ts';
import { amplifications, type Cost, CostMeter, costFinding, leastCost, thresholds } from '../../dev/fuzz/cost.ts';
import { Coverage } from '../../dev/fuzz/coverage.ts';
import { signature } from '../../dev/fuzz/findings.ts';
import { runSession } from '../../dev/fuzz/session-run.ts';
import { shrink } from '../../dev/fuzz/shrink.ts';
import type { LogEvent } from '../../src/core/log.ts';
import { wireErrors } from '../../src/protocol/errors/wire-errors.ts';
import type { Session } from '../../src/session/session.ts';
import { newServer } from '../support/server.ts';
import { stubSession } from '../support/stub-session.ts';

const secrets = { ga: '', beta: '' };

/** A GA session of the fuzzer whose client makes only the specified mistakes. */
function sessionCase(...events: object[]): SessionCase {
  const [made] = Array.from({ length: 200 }, (_, number) => makeCase(1, number)).filter(
    (each): each is SessionCase =>
      each.kind === 'session' &&
      each.profile === 'roomy' &&
      each.dialect === 'ga' &&
      !each.transcription &&
      !each.secret,
  );
  assert.ok(made);
  const steps = events.map((event, index) => {
    const eventId = `event_${index}`;
    const text = JSON.stringify({ ...event, event_id: eventId });
    return { kind: 'event', text, type: 'type' in event ? String(event.type) : '', eventId } as const;
  });
  return { ...made, steps, ending: 'close' };
}

const clear = { type: 'input_audio_buffer.clear' };
const commit = { type: 'input_audio_buffer.commit' };

/** A fake session that refuses the fuzzer's final probe and otherwise behaves correctly. */
function faultySession(act: (type: string, session: Session) => void): Session {
  const session = stubSession((event, from) => {
    act(event.type, session);
    if (event.type === 'response.create') session.refuse(wireErrors.missingType(), event.event_id ?? null, from);
  });
  return session;
}

test('the same seed generates the same cases, and another seed generates others', () => {
  const cases = (seed: number) => Array.from({ length: 50 }, (_, number) => makeCase(seed, number));
  assert.deepEqual(cases(7), cases(7));
  assert.notDeepEqual(cases(7), cases(8));
});

test('a correct server produces no findings, and accepted events are recorded', async (t) => {
  const { port } = await newServer(t);
  const coverage = new Coverage();
  const outcome = await runSession(sessionCase(clear, commit, { type: 'nope' }), { port, secrets, coverage });
  assert.deepEqual(outcome.findings, []);
  assert.deepEqual([...coverage.accepted], ['ga input_audio_buffer.clear']);
  assert.ok(coverage.sent.has('ga input_audio_buffer.cleared'));
  assert.deepEqual([...coverage.errors.values()].map(({ code }) => code).sort(), [
    'input_audio_buffer_commit_empty',
    'invalid_value',
  ]);
});

test('an ended session is found, and its case is reduced to the minimum', async (t) => {
  const { port } = await newServer(t, {
    createSession: () =>
      faultySession((type, session) => {
        if (type === commit.type) session.close({ code: 1011, reason: 'broken' });
      }),
  });
  const run = (fuzzed: SessionCase) => runSession(fuzzed, { port, secrets, coverage: new Coverage() });
  const fuzzed = sessionCase(clear, clear, { type: 'nope' }, commit, clear);
  const { findings } = await run(fuzzed);
  assert.deepEqual(findings.map(signature), ['session-ended: ga: closed with #: broken']);
  const { fuzzed: least, repeatable } = await shrink(
    fuzzed,
    async (candidate) => candidate.kind === 'session' && (await run(candidate)).findings.length > 0,
  );
  assert.ok(repeatable && least.kind === 'session');
  assert.deepEqual(least.steps, [{ kind: 'event', text: JSON.stringify(commit) }]);
});

test('an internal error is found even if the session continues', async (t) => {
  const { port } = await newServer(t, {
    createSession: () =>
      faultySession((type) => {
        if (type === clear.type) throw new Error('a bug');
      }),
  });
  const { findings } = await runSession(sessionCase(commit, clear), { port, secrets, coverage: new Coverage() });
  assert.deepEqual(
    findings.map(({ kind }) => kind),
    ['internal-error'],
  );
});

/** The cost of a case for the server in this process. */
async function costOf(fuzzed: SessionCase, port: number, meter: CostMeter): Promise<{ cost: Cost; bytes: number }> {
  meter.start({ collect: true });
  const { bytesSent, bytesReceived } = await runSession(fuzzed, { port, secrets, coverage: new Coverage() });
  const cost = { ...meter.read(), answeredBytes: bytesReceived };
  meter.stop();
  return { cost, bytes: bytesSent };
}

test('an expensive event is found by its cost, and a cheap one is not', async (t) => {
  const meter = new CostMeter();
  const count = (event: LogEvent, details: object) => meter.log(event, details);
  const { port } = await newServer(t, {
    log: { debug: () => {}, info: count, warn: count, error: count },
    createSession: () =>
      faultySession((type, session) => {
        if (type !== clear.type) return;
        const from = process.threadCpuUsage();
        const spent = () => Object.values(process.threadCpuUsage(from)).reduce((sum, each) => sum + each) / 1000;
        while (spent() <= thresholds.loopMs.floor);
        count('session_fault', { session: session.id, text: 'x'.repeat(2 * thresholds.logBytes.floor) });
      }),
  });
  const found = ({ cost, bytes }: { cost: Cost; bytes: number }) =>
    amplifications(cost, bytes, { number: 1, about: 'a case' }).filter(({ excess }) => excess > 1);
  const cheap = await costOf(sessionCase(commit, commit), port, meter);
  const dear = await costOf(sessionCase(commit, clear), port, meter);
  assert.deepEqual(found({ ...cheap, cost: leastCost(cheap.cost, dear.cost) }), []);
  assert.deepEqual(
    found(dear).map(({ measure }) => measure),
    ['loopMs', 'holdMs', 'logBytes'],
  );
  const [first] = found(dear);
  assert.ok(first);
  assert.match(signature(costFinding(first)), /^costly: a case: time of the event loop, ms: # for # bytes sent; #, /);
});
