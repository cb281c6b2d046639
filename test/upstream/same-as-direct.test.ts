/** A session through two servers is indistinguishable from the same one with the second server alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../support/fake-clock.ts';
import { fakeEngines } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { converse } from './support/conversation.ts';
import { normalised } from './support/log-of-events.ts';
import { newPair } from './support/relay.ts';

for (const dialect of ['ga', 'beta'] as const) {
  test(`a conversation with a tool call, errors and barge-in is the same on the wire (${dialect})`, async (t) => {
    verifies('R1.31');
    // It stands still, so that an interruption comes at the same position of the playback.
    const clock = new FakeClock();
    const alone = fakeEngines();
    const server = await newServer(t, { engines: fakeEngineSet(alone), clock });
    const direct = await converse(server.wsUrl, dialect, alone);
    const { relay, engines } = await newPair(t, { clock });
    const relayed = await converse(relay.wsUrl, dialect, engines);

    assert.deepEqual(
      relayed.map(({ type }) => type),
      direct.map(({ type }) => type),
    );
    assert.deepEqual(normalised(relayed), normalised(direct));
    assert.ok(direct.length > 100, 'there was a conversation');
    assert.deepEqual(
      engines.languageModel.requests.map(({ items }) => items.length),
      alone.languageModel.requests.map(({ items }) => items.length),
    );
  });
}
