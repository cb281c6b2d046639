/** SECURITY.md, "a view of a session": only operators view sessions, and no view slows one down. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { plainRequest } from '../../dev/harness/plain-request.ts';
import { apiKey, type ParleyServer } from '../../src/server/server.ts';
import { ask, bearer } from '../support/rest.ts';
import { SessionView } from '../support/session-view.ts';
import { verifies } from '../support/verifies.ts';
import { eventually, underAttack } from './support/under-attack.ts';

const key = 'sk-project-one-0123456789abcdef';
const operator = 'sk-operator-0123456789abcdef';
const kibibyte = 1024;

/** The only session: the bystander's. */
async function bystanderId(server: ParleyServer, shown?: string): Promise<string> {
  const { body } = await ask(server, 'GET /v1/parley/sessions', { ...(shown !== undefined && { key: shown }) });
  return (body as { data: { id: string }[] }).data[0]?.id ?? '';
}

const pathOf = (id: string) => `/v1/parley/sessions/${id}/events`;

test('guessed ids and keys open no view, and the answers do not show which sessions exist', async (t) => {
  verifies('R1.34');
  const apiKeys = [apiKey('one', key), apiKey('operator', operator, { operator: true })];
  await underAttack(t, { config: { apiKeys }, bystander: bearer(key) }, async (scene) => {
    const real = await bystanderId(scene.server, key);
    const answers = new Map<string, Set<string>>();
    await scene.waves(async () => {
      for (const id of [real, `sess_${randomBytes(16).toString('base64url')}`, '..', '%00', real.toLowerCase()]) {
        for (const shown of ['', `${operator}0`, key]) {
          const { status, text } = await plainRequest(scene.server.url, {
            path: pathOf(id),
            headers: shown === '' ? {} : { Authorization: `Bearer ${shown}` },
          });
          const seen = answers.get(shown) ?? new Set();
          if (id !== '..') answers.set(shown, seen.add(`${status} ${text}`));
          assert.notEqual(status, 200);
        }
      }
    });
    for (const [shown, seen] of answers) assert.equal(seen.size, 1, `one answer for '${shown}'`);
    assert.ok(scene.log.entries.every(({ event }) => event !== 'view_opened'));
  });
});

test('a page of another site, or with a rebound name, cannot view a session', async (t) => {
  verifies('R1.34', 'R1.5');
  await underAttack(t, {}, async (scene) => {
    const path = pathOf(await bystanderId(scene.server));
    await scene.waves(async () => {
      for (const [name, value] of [
        ['Origin', 'https://evil.example'],
        ['Origin', 'null'],
        ['Host', 'evil.example'],
      ] as const) {
        const headers = { [name]: value };
        const { status, headers: answered } = await plainRequest(scene.server.url, { path, headers });
        assert.equal(status, 403);
        assert.equal(answered['access-control-allow-origin'], undefined);
      }
    });
    assert.ok(scene.log.entries.every(({ event }) => event !== 'view_opened'));
  });
});

test('thousands of viewers are refused beyond the limits, without delaying the session', async (t) => {
  verifies('R1.34');
  await underAttack(t, { config: { limits: { sessionViews: 8, viewsPerSession: 4 } } }, async (scene) => {
    const id = await bystanderId(scene.server);
    const views: SessionView[] = [];
    let refused = 0;
    for (let wave = 0; wave < 20; wave++) {
      const attempts = await Promise.allSettled(
        Array.from({ length: 100 }, () => SessionView.connect(scene.server, id)),
      );
      for (const attempt of attempts) {
        if (attempt.status === 'fulfilled') views.push(attempt.value);
        else refused += 1;
      }
      if (wave % 5 === 0) await scene.bystanderTurn();
    }
    assert.deepEqual({ views: views.length, refused }, { views: 4, refused: 1996 });
    for (const view of views) view.leave();
    await eventually(() => {
      const closed = scene.log.entries.filter(({ event }) => event === 'view_closed').length;
      return closed === 4 ? undefined : `${closed} views are closed`;
    });
  });
});

test('a viewer that never reads is dropped with a reason, and the session is unaffected', async (t) => {
  verifies('R1.34');
  await underAttack(t, { config: { limits: { viewQueueBytes: 64 * kibibyte } } }, async (scene) => {
    const client = await scene.client();
    const { body } = await ask(scene.server, 'GET /v1/parley/sessions');
    const id = (body as { data: { id: string }[] }).data[1]?.id ?? '';
    const view = await SessionView.open(scene.server, id);
    view.pause();
    // 15 MiB, which is more than the buffers of a socket can take.
    const instructions = 'la '.repeat(16 * kibibyte);
    for (let updates = 0; updates < 320; updates++) {
      client.send({ type: 'session.update', session: { type: 'realtime', instructions } });
      await client.until('session.updated');
    }
    const { details } = await scene.log.entry('view_closed');
    assert.equal(Reflect.get(details, 'reason'), 'too_slow');
    view.resume();
    await view.closed;
    const last = view.events.at(-1);
    assert.deepEqual(last, { type: 'parley.view.closed', reason: 'too_slow' });
    assert.ok(view.types.includes('session.updated') && view.events.length < 320);
  });
});
