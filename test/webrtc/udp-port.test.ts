/** The shared UDP port: authentication by STUN, and packets that no client of a call sends. */

import assert from 'node:assert/strict';
import { Socket } from 'node:dgram';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import { classes, Message, methods } from 'werift';
import { type Endpoint, UdpPort, type UdpRoute } from '../../src/transport/webrtc/werift/udp-port.ts';
import { FakeClock } from '../support/fake-clock.ts';

const client: Endpoint = ['127.0.0.1', 50_000];

/** A port whose packets come from the test: a client cannot send from every address. */
async function newPort(t: TestContext) {
  const sockets: Socket[] = [];
  const created = (message: unknown) => {
    const socket = typeof message === 'object' && message !== null && Reflect.get(message, 'socket');
    if (socket instanceof Socket) sockets.push(socket);
  };
  subscribe('udp.socket', created);
  const clock = new FakeClock();
  const port = await UdpPort.open(0, { clock, localOnly: true, silenceMs: 5000 });
  unsubscribe('udp.socket', created);
  t.after(() => port.close());
  const arrive = (data: Buffer, [address, from]: Endpoint) =>
    sockets[0]?.emit('message', data, { address, port: from });
  return { clock, port, arrive };
}

function newRoute(name: string) {
  const requests: Endpoint[] = [];
  const packets: Endpoint[] = [];
  const route: UdpRoute = {
    ...{ usernameFragment: name, password: `password of ${name}` },
    stunRequested: (_message, from) => void requests.push(from),
    received: (_data, from) => void packets.push(from),
  };
  return { route, requests, packets };
}

function stunRequest({ usernameFragment, password }: UdpRoute): Buffer {
  return new Message(methods.BINDING, classes.REQUEST)
    .setAttribute('USERNAME', `${usernameFragment}:client`)
    .setAttribute('PRIORITY', 1)
    .addMessageIntegrity(Buffer.from(password))
    .addFingerprint().bytes;
}

test('a packet from port 0, which cannot be answered, is dropped', async (t) => {
  const { port, arrive } = await newPort(t);
  const { route, requests } = newRoute('call');
  port.add(route);
  arrive(stunRequest(route), ['127.0.0.1', 0]);
  assert.deepEqual(requests, []);
  arrive(stunRequest(route), client);
  assert.deepEqual(requests, [client]);
});

test('the address of a call cannot be claimed for another one while the call receives from it', async (t) => {
  const { clock, port, arrive } = await newPort(t);
  const [victim, other] = [newRoute('victim'), newRoute('other')];
  for (const { route } of [victim, other]) port.add(route);
  const media = Buffer.of(0x80, 0, 0, 0);
  arrive(stunRequest(victim.route), client);
  await clock.advance(4000);
  arrive(media, client);
  await clock.advance(4000);
  arrive(stunRequest(other.route), client);
  arrive(media, client);
  assert.deepEqual([victim.packets.length, other.requests.length, other.packets.length], [2, 0, 0]);
  await clock.advance(5000);
  arrive(stunRequest(other.route), client);
  arrive(media, client);
  assert.deepEqual([victim.packets.length, other.requests.length, other.packets.length], [2, 1, 1]);
  port.remove(victim.route);
  arrive(media, client);
  port.remove(other.route);
  arrive(media, client);
  assert.equal(other.packets.length, 2);
});

test('the packets of a call are bounded per second, and those of others are not affected', async (t) => {
  const { clock, port, arrive } = await newPort(t);
  const [flooding, other] = [newRoute('flooding'), newRoute('other')];
  for (const { route } of [flooding, other]) port.add(route);
  const otherClient: Endpoint = ['127.0.0.1', 50_001];
  arrive(stunRequest(flooding.route), client);
  arrive(stunRequest(other.route), otherClient);
  const flood = () => {
    for (let sent = 0; sent < 10_000; sent++) arrive(Buffer.of(0x80, 0, 0, 0), client);
  };
  flood();
  assert.equal(flooding.packets.length, 3999, 'one was the request');
  arrive(stunRequest(flooding.route), client);
  assert.equal(flooding.requests.length, 1);
  await clock.advance(1000);
  flood();
  assert.equal(flooding.packets.length, 5999);
  arrive(Buffer.of(0x80, 0, 0, 0), otherClient);
  assert.equal(other.packets.length, 1);
});

test('a call receives from the 16 addresses that were proven last', async (t) => {
  const { port, arrive } = await newPort(t);
  const { route, packets } = newRoute('call');
  port.add(route);
  const clients = Array.from({ length: 20 }, (_, i): Endpoint => ['127.0.0.1', 50_000 + i]);
  for (const from of clients) arrive(stunRequest(route), from);
  for (const from of clients) arrive(Buffer.of(0x80, 0, 0, 0), from);
  assert.deepEqual(packets, clients.slice(-16));
});
