import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Account, Metering, Owner } from '../../src/metering/metering.ts';
import type { ExpectedTokens } from '../../src/session/ports/meter.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { LeaseOptions, Store } from '../../src/store/store.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { newMetering, ownerOf, samples, usage } from './support.ts';

async function admitted(metering: Metering, owner: Owner) {
  const admission = await metering.admitSession(owner);
  assert.ok(admission.admitted, 'refused');
  return admission.lease;
}

async function refused(metering: Metering, owner: Owner) {
  const admission = await metering.admitSession(owner);
  assert.ok(!admission.admitted, 'admitted');
  return admission;
}

function open(metering: Metering, owner: Owner) {
  return metering.openAccount({ sessionId: 'sess_1', type: 'realtime', model: 'gpt-realtime', owner });
}

/** The reason why no response may start now; the reservation of an admitted one is released immediately. */
async function refusalOf(account: Account) {
  const { refusal, reservation } = await account.admitResponse({ input: 1, output: 1 });
  reservation?.settle(0);
  await settle();
  return refusal;
}

/** A response that may use 600 tokens. */
const response: ExpectedTokens = { input: 200, output: 400 };

const failingStore: Store = {
  get: () => Promise.reject(new Error('no connection')),
  set: () => Promise.reject(new Error('no connection')),
  delete: () => Promise.reject(new Error('no connection')),
  count: () => Promise.reject(new Error('no connection')),
  lease: () => Promise.reject(new Error('no connection')),
  release: () => Promise.reject(new Error('no connection')),
  close: async () => {},
};

describe('concurrent sessions', () => {
  it('are limited per key, and one that ends makes room', async () => {
    const { metering } = newMetering();
    const owner = ownerOf('phone', { sessions: 2 });
    const first = await admitted(metering, owner);
    await admitted(metering, owner);
    const { reason, refusal } = await refused(metering, owner);
    assert.equal(reason, 'key_sessions');
    assert.match(refusal.message, /'phone'.* 2\./);
    assert.ok(refusal.retryAfterMs > 0);
    first.release();
    first.release();
    await admitted(metering, owner);
    await refused(metering, owner);
  });

  it('of one key do not affect other keys, keys without limits, or servers without keys', async () => {
    const { metering } = newMetering({ store: failingStore });
    for (const owner of [ownerOf('free'), { project: 'default' }, { project: 'default', limits: { sessions: 1 } }]) {
      for (let count = 0; count < 3; count += 1) await admitted(metering, owner);
    }
    const limited = newMetering().metering;
    await admitted(limited, ownerOf('a', { sessions: 1 }));
    await admitted(limited, ownerOf('b', { sessions: 1 }));
  });

  it('are released when the account is closed', async () => {
    const { metering } = newMetering();
    const owner = ownerOf('phone', { sessions: 1 });
    const lease = await admitted(metering, owner);
    const account = metering.openAccount({ sessionId: 's', type: 'realtime', model: 'm', owner, lease });
    await refused(metering, owner);
    account.close();
    account.close();
    await admitted(metering, owner);
    await refused(metering, owner);
  });

  it('are counted over all nodes, for any duration', async () => {
    const one = newMetering();
    const { metering: other } = newMetering(one);
    const owner = ownerOf('phone', { sessions: 2 });
    const lease = await admitted(one.metering, owner);
    await admitted(other, owner);
    for (let second = 0; second < 600; second += 7) {
      await refused(one.metering, owner);
      await refused(other, owner);
      await one.clock.advance(7000);
    }
    lease.release();
    await settle();
    await admitted(other, owner);
    await refused(one.metering, owner);
  });

  for (const second of [0, 49, 50, 51, 59]) {
    it(`that start at second ${second} of a minute still count in the next ones`, async () => {
      const one = newMetering();
      const { metering: other } = newMetering(one);
      const owner = ownerOf('phone', { sessions: 1 });
      await one.clock.advance(second * 1000);
      const lease = await admitted(one.metering, owner);
      for (let step = 0; step < 20; step += 1) {
        await one.clock.advance(10_000);
        await refused(other, owner);
      }
      lease.release();
      await settle();
      await admitted(other, owner);
    });
  }

  it('of a crashed node are released 60 seconds after their last renewal', async () => {
    const one = newMetering();
    const owner = ownerOf('phone', { sessions: 1 });
    await one.clock.advance(55_000);
    await admitted(one.metering, owner);
    one.metering.close();
    const { metering: other } = newMetering(one);
    await one.clock.advance(59_000);
    await refused(other, owner);
    await one.clock.advance(1000);
    await admitted(other, owner);
  });

  it('still count after a suspension of the process at the start of the minute', async () => {
    const clock = new FakeClock();
    const standing = { now: () => clock.now(), epochMs: () => clock.epochMs(), after: () => () => {} };
    const { metering } = newMetering({ clock: standing, store: new MemoryStore({ clock, limit: 10 }) });
    const owner = ownerOf('phone', { sessions: 2 });
    await admitted(metering, owner);
    await clock.advance(200_000);
    await admitted(metering, owner);
    await refused(metering, owner);
  });

  it('still count after a failure of the store at the start of the minute', async () => {
    const clock = new FakeClock();
    let fails = false;
    class MoodyStore extends MemoryStore {
      override lease(key: string, id: string, options: LeaseOptions) {
        return fails ? failingStore.lease(key, id, options) : super.lease(key, id, options);
      }
    }
    const { metering } = newMetering({ clock, store: new MoodyStore({ clock, limit: 10 }) });
    const owner = ownerOf('phone', { sessions: 2 });
    await admitted(metering, owner);
    fails = true;
    await clock.advance(60_000);
    fails = false;
    await admitted(metering, owner);
    await refused(metering, owner);
  });

  it('are counted correctly when they start and end at any time', async () => {
    const one = newMetering();
    const nodes = [one.metering, newMetering(one).metering];
    const owner = ownerOf('phone', { sessions: 5 });
    const leases: { release(): void }[] = [];
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let step = 0; step < 400; step += 1) {
      const node = nodes[random(2)];
      assert.ok(node);
      if (random(2) === 0) {
        const admission = await node.admitSession(owner);
        assert.equal(admission.admitted, leases.length < 5, `step ${step}`);
        if (admission.admitted) leases.push(admission.lease);
      } else {
        leases.splice(random(leases.length + 1), 1)[0]?.release();
      }
      await one.clock.advance(random(9000));
    }
  });
});

describe('sessions per minute', () => {
  it('are limited per key, and the refusal has the time to wait', async () => {
    const { metering, clock } = newMetering();
    const owner = ownerOf('phone', { sessionsPerMinute: 2 });
    (await admitted(metering, owner)).release();
    (await admitted(metering, owner)).release();
    await clock.advance(45_500);
    const { reason, refusal } = await refused(metering, owner);
    assert.equal(reason, 'key_sessions_per_minute');
    assert.equal(refusal.retryAfterMs, 14_500);
    assert.match(refusal.message, /'phone'.* 2\. Try again in 14\.5 s/);
    await clock.advance(14_500);
    await admitted(metering, owner);
  });

  it('that are refused do not count as concurrent', async () => {
    const { metering, clock } = newMetering();
    const owner = ownerOf('phone', { sessions: 2, sessionsPerMinute: 1 });
    await admitted(metering, owner);
    await refused(metering, owner);
    await refused(metering, owner);
    await clock.advance(60_000);
    await admitted(metering, owner);
  });
});

describe('tokens per minute', () => {
  it('are used by responses and transcriptions, and then responses are refused until the minute ends', async () => {
    const { metering, clock } = newMetering();
    const owner = ownerOf('phone', { tokensPerMinute: 1000 });
    const account = open(metering, owner);
    assert.equal(await refusalOf(account), undefined);
    assert.deepEqual(account.rateLimits(), [{ name: 'tokens', limit: 1000, remaining: 1000, reset_seconds: 0 }]);
    account.responseUsed(usage({ text: 600, outAudio: 200 }));
    account.transcriptionUsed({ type: 'duration', seconds: 60 });
    assert.deepEqual(account.rateLimits(), [{ name: 'tokens', limit: 1000, remaining: 200, reset_seconds: 60 }]);
    await clock.advance(20_000);
    assert.equal(await refusalOf(account), undefined);
    const details = { text_tokens: 100, audio_tokens: 100 };
    account.transcriptionUsed({
      type: 'tokens',
      total_tokens: 220,
      input_tokens: 200,
      output_tokens: 20,
      input_token_details: details,
    });
    assert.deepEqual(account.rateLimits(), [{ name: 'tokens', limit: 1000, remaining: 0, reset_seconds: 40 }]);
    await clock.advance(1250);
    const refusal = await refusalOf(account);
    assert.equal(refusal?.retryAfterMs, 38_750);
    assert.match(refusal?.message ?? '', /'phone'.*limit is 1000, used .* are 1020\. Try again in 38\.8 s/);
    await clock.advance(38_750);
    assert.deepEqual(account.rateLimits(), [{ name: 'tokens', limit: 1000, remaining: 1000, reset_seconds: 0 }]);
    assert.equal(await refusalOf(account), undefined);
  });

  it('are counted over all sessions of the key, on all nodes', async () => {
    const one = newMetering();
    const owner = ownerOf('phone', { tokensPerMinute: 100 });
    const accounts = [open(one.metering, owner), open(one.metering, owner), open(newMetering(one).metering, owner)];
    accounts[0]?.responseUsed(usage({ text: 100 }));
    await settle();
    for (const account of accounts) assert.match((await refusalOf(account))?.message ?? '', /used .* are 100\./);
    assert.equal(await refusalOf(open(one.metering, ownerOf('other', { tokensPerMinute: 100 }))), undefined);
  });

  it('are reserved for running responses, so that concurrent ones cannot exceed the limit', async () => {
    const one = newMetering();
    const owner = ownerOf('phone', { tokensPerMinute: 1000 });
    const accounts = Array.from({ length: 3 }, () => open(one.metering, owner));
    const [account] = accounts;
    assert.ok(account);
    const pending = accounts.flatMap((each) => Array.from({ length: 8 }, () => each.admitResponse(response)));
    const admissions = await Promise.all(pending);
    const [first, second, ...more] = admissions.flatMap(({ reservation }) => reservation ?? []);
    assert.ok(first && second);
    assert.equal(more.length, 0, 'the second takes the last');
    assert.equal(admissions.filter(({ refusal }) => refusal?.retryAfterMs === 60_000).length, 22);
    assert.equal(account.rateLimits()[0]?.remaining, 0);

    account.responseUsed(usage({ text: 90, outText: 10 }), first);
    second.settle(0);
    second.settle(0);
    assert.deepEqual(account.rateLimits(), [{ name: 'tokens', limit: 1000, remaining: 900, reset_seconds: 60 }]);
  });

  it('add up fractions of tokens, which the wire rounds away', async () => {
    const account = open(newMetering().metering, ownerOf('phone', { tokensPerMinute: 1000 }));
    for (let count = 0; count < 10; count += 1) account.responseUsed(usage({ audio: 0.75, outAudio: 0.5 }));
    await settle();
    assert.equal(account.rateLimits()[0]?.remaining, 1000 - 12);
  });

  it('that were reserved in a past minute are not released into the next', async () => {
    const { metering, clock } = newMetering();
    const account = open(metering, ownerOf('phone', { tokensPerMinute: 1000 }));
    const left = () => account.rateLimits()[0]?.remaining;
    const { reservation: small } = await account.admitResponse(response);
    const { reservation: large } = await account.admitResponse({ input: 50, output: 50 });
    await clock.advance(60_000);
    account.responseUsed(usage({ text: 300 }));
    await settle();
    account.responseUsed(usage({ text: 10 }), small);
    assert.equal(left(), 700);
    account.responseUsed(usage({ text: 120 }), large);
    assert.equal(left(), 680, 'only what exceeds what was set aside');
  });

  it('are reserved as 4,096 for the output of a response without a limit', async () => {
    const account = open(newMetering().metering, ownerOf('phone', { tokensPerMinute: 10_000 }));
    await account.admitResponse({ input: 100, output: 'inf' });
    assert.equal(account.rateLimits()[0]?.remaining, 10_000 - 100 - 4096);
  });

  it('without a limit are not reported', async () => {
    const account = open(newMetering({ store: failingStore }).metering, ownerOf('free', { sessions: 3 }));
    account.responseUsed(usage({ text: 1e9 }));
    assert.equal(await refusalOf(account), undefined);
    assert.deepEqual(account.rateLimits(), []);
  });
});

it('a failing store admits nothing that is limited, and each failure is logged', async () => {
  const { metering, log } = newMetering({ store: failingStore });
  const owner = ownerOf('phone', { sessionsPerMinute: 1, tokensPerMinute: 10 });
  const { reason, refusal } = await refused(metering, owner);
  assert.equal(reason, 'limits_unavailable');
  assert.match(refusal.message, /cannot be checked now/);
  const account = open(metering, owner);
  assert.match((await refusalOf(account))?.message ?? '', /cannot be checked now/);
  account.responseUsed(usage({ text: 1 }));
  await settle();
  const logged = log.entries.map(({ level, event }) => `${level} ${event}`);
  assert.deepEqual(logged, Array(3).fill('error limits_unavailable'));
});

it('refused responses are counted by key', async () => {
  const { metering } = newMetering();
  const account = open(metering, ownerOf('phone', { tokensPerMinute: 1 }));
  await refusalOf(account);
  account.responseUsed(usage({ text: 1 }));
  await refusalOf(account);
  const responses = await samples(metering, 'parley_responses_refused_total');
  assert.deepEqual(responses, { '{key="phone",project="default",model="gpt-realtime"}': 1 });
});
