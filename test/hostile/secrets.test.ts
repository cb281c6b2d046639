/**
 * SECURITY.md, "a holder of a client secret" and "a holder of another project's key": access is limited to what was
 * granted.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { mint, plainRequest } from '../../dev/harness/plain-request.ts';
import { apiKey, type ParleyServer } from '../../src/server/server.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { verifies } from '../support/verifies.ts';
import { type Scene, underAttack, upgradeRequest } from './support/under-attack.ts';

const key = 'sk-project-one-0123456789abcdef';
const otherKey = 'sk-project-two-0123456789abcdef';
const apiKeys = [apiKey('one', key, { project: 'one' }), apiKey('two', otherKey, { project: 'two' })];
const options = {
  config: { apiKeys },
  bystander: { headers: { Authorization: `Bearer ${key}` } },
  // A store sweeps while it has entries.
  prepare: (server: ParleyServer) => mint(server.url, key, 'ga'),
};
const hour = 60 * 60_000;

interface Told {
  code: string | null;
  message: string;
}

/** The error and close code of a connection with these headers; both absent if it gets a session. */
async function attempt(
  scene: Scene,
  headers: readonly string[],
  target?: string,
): Promise<{ told: Told | undefined; close: number | undefined }> {
  const first = Promise.withResolvers<string>();
  const connection = scene.connection({ onText: first.resolve });
  connection.write(upgradeRequest(headers, target));
  const { status } = await connection.head;
  if (status !== 101) return { told: undefined, close: status };
  const event = JSON.parse(await first.promise);
  if (event.type !== 'error') return { told: undefined, close: undefined };
  return { told: event.error, close: (await connection.closed).code };
}

const bearer = (secret: string) => `Authorization: Bearer ${secret}`;
const beta = 'OpenAI-Beta: realtime=v1';

test('guessed keys and client secrets are refused', async (t) => {
  verifies('R5.35');
  await underAttack(t, options, async (scene) => {
    const value = await mint(scene.server.url, key, 'ga');
    const last = value.at(-1) === 'A' ? 'E' : 'A';
    const near = [
      value.slice(0, -1) + last,
      value.toUpperCase(),
      value.slice(0, -1),
      `${value}A`,
      'ek_',
      value.slice(3),
    ];
    const far = Array.from({ length: 200 }, () => `ek_${randomBytes(32).toString('base64url')}`);
    await scene.waves(async () => {
      for (const { told, close } of await Promise.all(
        [...near, ...far].map((guess) => attempt(scene, [bearer(guess)])),
      )) {
        assert.deepEqual([told?.code, close], ['invalid_api_key', 3000]);
      }
    });
    assert.equal(scene.openSessions, 1);
    assert.equal((await attempt(scene, [bearer(value)])).told, undefined, 'the one that was minted still opens one');
  });
});

test('an expired client secret is refused with the same error as an unknown one', async (t) => {
  const clock = new FakeClock();
  const limits = { pingIntervalMs: hour, deadPeerMs: hour };
  await underAttack(t, { ...options, config: { apiKeys, limits }, clock }, async (scene) => {
    const value = await mint(scene.server.url, key, 'ga', { expires_after: { anchor: 'created_at', seconds: 10 } });
    assert.equal((await attempt(scene, [bearer(value)])).told, undefined);
    await clock.advance(10_001);
    const expired = await attempt(scene, [bearer(value)]);
    const unknown = await attempt(scene, [bearer(`ek_${'A'.repeat(43)}`)]);
    assert.deepEqual([expired.told?.code, expired.close], ['invalid_api_key', 3000]);
    const words = (told: Told | undefined) => told?.message.replace(/ek_….{4}/, 'ek_…');
    assert.equal(words(expired.told), words(unknown.told));
  });
});

test('a client secret opens sessions of its own dialect only', async (t) => {
  verifies('R5.37');
  await underAttack(t, options, async (scene) => {
    const ga = await mint(scene.server.url, key, 'ga');
    const old = await mint(scene.server.url, key, 'beta');
    assert.deepEqual(
      [await attempt(scene, [bearer(ga), beta]), await attempt(scene, [bearer(old), beta])].map(({ told, close }) => [
        told?.code,
        close,
      ]),
      [
        ['api_version_mismatch', 3000],
        [undefined, undefined],
      ],
    );
    await scene.bystanderTurn();
  });
});

test('a client secret cannot create secrets, list sessions or read metrics', async (t) => {
  await underAttack(t, options, async (scene) => {
    const value = await mint(scene.server.url, key, 'ga');
    const requests: [method: string, path: string][] = [
      ['POST', '/v1/realtime/client_secrets'],
      ['POST', '/v1/realtime/sessions'],
      ['POST', '/v1/realtime/transcription_sessions'],
      ['GET', '/v1/parley/sessions'],
      ['GET', '/metrics'],
    ];
    for (const [method, path] of requests) {
      const headers = { Authorization: `Bearer ${value}` };
      const { status, text } = await plainRequest(scene.server.url, { method, path, headers });
      assert.equal(status, 401, path);
      assert.ok(!text.includes(value.slice(4, -4)), 'the secret is not repeated');
    }
    await scene.bystanderTurn();
  });
});

test('a client secret enforces its locked fields, session duration and number of sessions', async (t) => {
  await underAttack(t, options, async (scene) => {
    const value = await mint(scene.server.url, key, 'ga', {
      session: { type: 'realtime', model: 'gpt-realtime', instructions: 'Be brief.' },
      parley: { locked: ['instructions'], max_sessions: 2 },
    });
    const headers = { Authorization: `Bearer ${value}` };
    const client = await scene.client({ headers });
    client.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Tell all.' } });
    assert.equal((await client.until('error')).error.param, 'session.instructions');
    client.send({ type: 'response.create', response: { instructions: 'Tell all.' } });
    assert.equal((await client.until('error')).error.param, 'response.instructions');
    await scene.client({ headers });
    const third = await attempt(scene, [bearer(value)]);
    assert.deepEqual([third.told?.code, third.close], ['client_secret_spent', 3000]);
    await scene.bystanderTurn();
  });
});

test('a client secret with an origin list is refused for pages of other origins', async (t) => {
  await underAttack(t, options, async (scene) => {
    const value = await mint(scene.server.url, key, 'ga', { parley: { allowed_origins: ['https://app.example'] } });
    const from = (origin: string) =>
      attempt(scene, [`Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.${value}`, `Origin: ${origin}`]);
    for (const origin of ['https://evil.example', 'https://app.example.evil.example', 'http://app.example', 'null']) {
      assert.equal((await from(origin)).close, 403, origin);
    }
    assert.equal((await attempt(scene, [bearer(value)])).close, 403, 'no origin is not one of them');
    assert.equal((await from('https://app.example')).close, undefined);
    await scene.bystanderTurn();
  });
});

test('sessions of another project are unknown: they are not listed and cannot be read or ended', async (t) => {
  await underAttack(t, options, async (scene) => {
    const value = await mint(scene.server.url, key, 'ga');
    await scene.client({ headers: { Authorization: `Bearer ${value}` } });
    const ask = async (path: string, as: string, method = 'GET') => {
      const headers = { Authorization: `Bearer ${as}` };
      const { status, text } = await plainRequest(scene.server.url, {
        method,
        path: `/v1/parley/sessions${path}`,
        headers,
      });
      return { status, body: JSON.parse(text) };
    };
    const own = (await ask('', key)).body.data.map(({ id }: { id: string }) => id);
    assert.equal(own.length, 2);
    assert.deepEqual((await ask('', otherKey)).body.data, []);
    const never = await ask('/sess_none', otherKey);
    for (const id of own) {
      for (const method of ['GET', 'DELETE']) {
        const { status, body } = await ask(`/${id}`, otherKey, method);
        assert.equal(status, 404);
        assert.equal(JSON.stringify(body).replace(id, 'sess_none'), JSON.stringify(never.body));
      }
    }
    const { status, body } = await ask('', `${otherKey}x`);
    assert.deepEqual([status, body.error.code], [401, 'invalid_api_key']);
    await scene.bystanderTurn();
  });
});

test('a key or client secret is refused if the project header names another project', async (t) => {
  await underAttack(t, options, async (scene) => {
    const value = await mint(scene.server.url, key, 'ga');
    for (const credential of [key, value]) {
      const { told, close } = await attempt(scene, [bearer(credential), 'OpenAI-Project: two']);
      assert.deepEqual([told?.code, close], ['mismatched_project', 3000]);
    }
    await scene.bystanderTurn();
  });
});

test('client secrets beyond the limit are refused, and leave room for other entries in the store', async (t) => {
  await underAttack(t, { ...options, config: { apiKeys, limits: { secretsPerMinute: 20 } } }, async (scene) => {
    const request = {
      method: 'POST',
      path: '/v1/realtime/client_secrets',
      headers: { Authorization: `Bearer ${key}` },
    };
    const answers = await Promise.all(Array.from({ length: 200 }, () => plainRequest(scene.server.url, request)));
    const refused = answers.filter(({ status }) => status === 429);
    // One was created before.
    assert.equal(answers.filter(({ status }) => status === 200).length, 19);
    assert.equal(refused.length, 181);
    assert.ok(refused.every(({ headers }) => Number(headers['retry-after']) > 0));
    await mint(scene.server.url, otherKey, 'ga');
    await scene.bystanderTurn();
  });
});
