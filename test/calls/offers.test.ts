/** Offers that are too large or too many. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offerWith } from '../support/fake-connections.ts';
import { errorIn } from '../support/rest.ts';
import { verifies } from '../support/verifies.ts';
import { callsServer, offer } from './calls-server.ts';

test('an offer larger than the limit is refused before it is read whole', async (t) => {
  verifies('R10.4');
  const { server, connections } = await callsServer(t);
  const refused = await offer(server, { sdp: offerWith().padEnd(32_769, 'a=x\r\n') });
  assert.deepEqual([refused.status, errorIn(refused).code], [413, 'too_large']);
  assert.deepEqual(connections.accepted, []);
});

test('of a thousand offers without a client, the pending ones are bounded, and all are released', async (t) => {
  verifies('R10.4');
  const { server, connections, clock } = await callsServer(t);
  const statuses = new Map<number, number>();
  for (let sent = 0; sent < 1000; sent += 20) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => offer(server)));
    for (const { status } of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  assert.deepEqual(
    [...statuses],
    [
      [201, 64],
      [503, 936],
    ],
  );
  await clock.advance(15_000);
  assert.ok(connections.accepted.every(({ isClosed }) => isClosed));
  assert.equal((await offer(server)).status, 201);
});
