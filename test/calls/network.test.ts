/** The UDP port and the addresses of calls, in the answers of the real WebRTC library. */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { test } from 'node:test';
import { errorIn } from '../support/rest.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { apiKeys, offer } from './calls-server.ts';

const sdp = [
  ...['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'c=IN IP4 0.0.0.0'],
  ...[
    'a=ice-ufrag:abcd',
    'a=ice-pwd:abcdefghijklmnopqrstuvwx',
    'a=setup:actpass',
    'a=mid:0',
    'a=rtcp-mux',
    'a=sendrecv',
  ],
  ...[`a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, ''],
].join('\r\n');

/** A UDP port that is free in the end. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0);
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

const candidatesIn = (answer: unknown) =>
  String(answer)
    .split('\r\n')
    .filter((line) => line.startsWith('a=candidate:'))
    .map((line) => line.split(' ').slice(4));

test('the answer names the configured port and public addresses; calls share it, and no server is asked', async (t) => {
  verifies('R10.2');
  const sockets: unknown[] = [];
  const created = (message: unknown) => void sockets.push(message);
  const callPort = await freePort();
  const callAddresses = ['203.0.113.7', '2001:db8::7'];
  const server = await newServer(t, { config: { apiKeys, callPort, callAddresses } });
  subscribe('udp.socket', created);
  t.after(() => unsubscribe('udp.socket', created));
  for (let opened = 0; opened < 3; opened++) {
    const { status, body } = await offer(server, { sdp });
    assert.equal(status, 201);
    assert.deepEqual(
      candidatesIn(body),
      callAddresses.map((address) => [address, String(callPort), 'typ', 'host']),
    );
  }
  assert.ok(sockets.length <= 2, `${sockets.length} sockets: one for IPv4, one for IPv6`);
});

test('while the port is in use, offers are refused; later ones succeed', async (t) => {
  verifies('R10.4');
  const taken = createSocket('udp4').bind(0);
  await once(taken, 'listening');
  const server = await newServer(t, { config: { apiKeys, callPort: taken.address().port } });
  const refused = await offer(server, { sdp });
  assert.deepEqual([refused.status, errorIn(refused).code], [503, 'overloaded']);
  await new Promise<void>((resolve) => taken.close(() => resolve()));
  assert.equal((await offer(server, { sdp })).status, 201);
});
