/** Extensions are sent only to peers that requested them (docs/protocol.md §1). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestedExtensions, withExtensions } from '../../src/protocol/extensions.ts';
import { betaDialect, gaDialect, type OutgoingEvent } from '../../src/protocol/index.ts';
import { newServer } from '../support/server.ts';
import { stubSession } from '../support/stub-session.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

const cleared = { type: 'input_audio_buffer.cleared', event_id: 'event_1' } as const;
const ofItsOwn: OutgoingEvent = { extension: 'ledger', event: { type: 'parley.ledger', event_id: 'event_2' } };
const withFields: OutgoingEvent = { extended: cleared, fields: { ledger: { spent: 7 }, words: { words: ['so'] } } };

test('a peer without extensions gets only events of the document', async (t) => {
  verifies('R1.32', 'R4.11');
  for (const dialect of [gaDialect, betaDialect, withExtensions(gaDialect, new Set())]) {
    assert.equal(dialect.serialise(ofItsOwn), undefined);
    assert.deepEqual(dialect.render(withFields), cleared);
  }
  const { wsUrl } = await newServer(t, {
    createSession: () =>
      stubSession((_event, from) => {
        from.send(ofItsOwn);
        from.send(withFields);
      }),
  });
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime&parley=nope`);
  client.send({ type: 'input_audio_buffer.clear' });
  assert.deepEqual(await client.next(), cleared, 'the server has no such extension');
});

test('a peer gets the events of the extensions that it requested, and no others', () => {
  for (const dialect of [gaDialect, betaDialect]) {
    const extended = withExtensions(dialect, new Set(['ledger']));
    assert.equal(extended.serialise(ofItsOwn), JSON.stringify({ type: 'parley.ledger', event_id: 'event_2' }));
    assert.deepEqual(extended.render(withFields), { ...cleared, spent: 7 });
    assert.deepEqual(extended.render(cleared), cleared);
    assert.deepEqual(withExtensions(dialect, new Set(['words'])).render(withFields), { ...cleared, words: ['so'] });
  }
});

test('extensions in the URL that the server supports are granted', () => {
  const query = new URLSearchParams('parley=ledger,nope,words,nope');
  const { known, unknown } = requestedExtensions(query, ['ledger', 'words']);
  assert.deepEqual([[...known], unknown], [['ledger', 'words'], ['nope']]);
  const many = new URLSearchParams({ parley: `${'x,'.repeat(16)}ledger` });
  assert.equal(requestedExtensions(many, ['ledger']).known.size, 0, 'names after the first 16 are ignored');
});
