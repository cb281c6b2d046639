/**
 * SECURITY.md, "an image URL points to an internal address" and "an image server misbehaves": the server fetches from
 * public addresses only.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
// The server loads this module with its first request; loaded code is not memory that an attack retains.
import 'undici';
import { LocalServer } from '../net/local-server.ts';
import { underAttack } from './support/under-attack.ts';

const ask = { type: 'response.create', response: { output_modalities: ['text'] } };

function picture(id: string, image_url: string): object {
  return {
    type: 'conversation.item.create',
    item: { id, type: 'message', role: 'user', content: [{ type: 'input_image', image_url }] },
  };
}

test('an image URL cannot reach this machine or its network, in any notation', async (t) => {
  const inner = await LocalServer.start(t, (_, response) => response.end('secret'));
  const { port } = inner;
  const hosts = [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    `2130706433:${port}`,
    `0x7f.1:${port}`,
    `0177.0.0.1:${port}`,
    `127.1:${port}`,
    `0.0.0.0:${port}`,
    `[::1]:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `[::ffff:7f00:1]:${port}`,
    `[64:ff9b::7f00:1]:${port}`,
    `user:password@127.0.0.1:${port}`,
    `127.0.0.1.:${port}`,
    '169.254.169.254/latest/meta-data',
    '10.0.0.1',
    '192.168.0.1',
    '[fd00::1]',
    '[fe80::1]',
  ];
  await underAttack(t, {}, async (scene) => {
    const client = await scene.client();
    for (const [index, host] of hosts.entries()) {
      const id = `image_${index}`;
      client.send(picture(id, `http://${host}/`));
      let event = await client.next();
      while (event.type !== 'conversation.item.done' && event.type !== 'error') event = await client.next();
      if (event.type === 'error') continue;
      client.send(ask);
      const { response } = await client.until('response.done');
      assert.equal(response.status, 'failed', host);
      assert.match(JSON.stringify(response.status_details), /"code":"invalid_image_url"/, host);
      assert.ok(!JSON.stringify(response).includes('secret'));
      client.send({ type: 'conversation.item.delete', item_id: id });
      await client.until('conversation.item.deleted');
    }
    await scene.bystanderTurn();
    assert.equal(inner.connections, 0, 'nothing was even connected to');
    assert.ok(!JSON.stringify(scene.log.entries).includes('/latest/'), 'addresses are not logged: they may be signed');
  });
});
