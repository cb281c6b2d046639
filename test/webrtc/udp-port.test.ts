/** The shared UDP port: authentication by STUN, and packets that no client of a call sends. */

import assert from 'node:assert/strict';
import { Socket } from 'node:dgram';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import { classes, Message, methods } from 'werift';
import { type Endpoint, UdpPort, type UdpRoute } from '../../src/transport/webrtc/werift/udp-port.ts';

const client: Endpoint = ['127.0.0.1', 50_000];

/** A port whose packets come from the test: a client cannot send from every address. */
async function newPort(t: TestContext) {
  const sockets: Socket[] = [];
  const created = (message: unknown) => {
    const socket = typeof message === 'object' && message !== null && Reflect.get(message, 'socket');
    if (socket instanceof Socket) sockets.push(socket);
  };
  subscribe('udp.socket', created);
  const port = await UdpPort.open(0, { localOnly: true });
  unsubscribe('udp.socket', created);
  t.after(() => port.close());
  const arrive = (data: Buffer, [address, from]: Endpoint) =>
    sockets[0]?.emit('message', data, { address, port: from });
  return { port, arrive };
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
