/** SECURITY.md, "pages in the user's browser": a page of another site cannot use the server on the user's machine. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PlainRequest, plainRequest } from '../../dev/harness/plain-request.ts';
import { verifies } from '../support/verifies.ts';
import { type Scene, underAttack, upgradeRequest } from './support/under-attack.ts';

const evil = 'https://evil.example';

/** The status of a WebSocket request in the form that a browser sends. */
async function upgrade(scene: Scene, headers: readonly string[]): Promise<number> {
  const connection = scene.connection();
  connection.write(upgradeRequest(headers));
  const { status } = await connection.head;
  connection.socket.destroy();
  return status;
}

/** The response to a page of another origin, and whether the page may read it. */
async function responseTo(
  scene: Scene,
  request: PlainRequest,
): Promise<{ status: number | undefined; mayRead: boolean }> {
  const { status, headers } = await plainRequest(scene.server.url, request);
  return { status, mayRead: headers['access-control-allow-origin'] !== undefined };
}

test('a WebSocket request from a page of another site is refused before the upgrade', async (t) => {
  verifies('R1.5');
  await underAttack(t, {}, async (scene) => {
    await scene.waves(async () => {
      for (const origin of [evil, 'null', 'http://localhost.evil.example', 'file://']) {
        assert.equal(await upgrade(scene, [`Origin: ${origin}`]), 403, origin);
        assert.equal(
          await upgrade(scene, [`Origin: ${origin}`, 'Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.x']),
          403,
          origin,
        );
      }
    });
    assert.equal(scene.openSessions, 1);
  });
});

test('requests for a rebound DNS name are refused on every route', async (t) => {
  verifies('R1.5');
  await underAttack(t, {}, async (scene) => {
    await scene.waves(async () => {
      for (const host of [
        'evil.example',
        `evil.example:${scene.server.port}`,
        '127.0.0.1.evil.example',
        'localhost.evil.example',
        '',
      ]) {
        assert.equal(await upgrade(scene, [`Host: ${host}`, `Origin: http://${host}`]), 403, host);
        assert.equal(await upgrade(scene, [`Host: ${host}`]), 403, host);
      }
      for (const path of ['/', '/healthz', '/v1/realtime', '/metrics', '/v1/parley/sessions']) {
        assert.equal(
          (await plainRequest(scene.server.url, { path, headers: { Host: 'evil.example' } })).status,
          403,
          path,
        );
      }
    });
    assert.equal(scene.openSessions, 1);
  });
});

test('a page of another site can neither create secrets nor read responses, with or without a preflight', async (t) => {
  await underAttack(t, {}, async (scene) => {
    const mint = { method: 'POST', path: '/v1/realtime/client_secrets' };
    const requests: Record<string, string>[] = [
      { Origin: evil },
      { Origin: evil, 'Content-Type': 'text/plain' },
      { Origin: 'null' },
    ];
    for (const headers of requests) {
      assert.deepEqual(await responseTo(scene, { ...mint, headers }), { status: 403, mayRead: false });
    }
    const ask = { Origin: evil, 'Access-Control-Request-Method': 'POST' };
    assert.deepEqual(await responseTo(scene, { ...mint, method: 'OPTIONS', headers: ask }), {
      status: 403,
      mayRead: false,
    });
    await scene.bystanderTurn();
  });
});
