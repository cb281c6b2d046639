/** The answers to STUN requests of the client of a call, over a real socket. */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { on, once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { classes, Message, methods, parseMessage } from 'werift';
import { SharedProtocol } from '../../src/transport/webrtc/werift/shared-protocol.ts';
import { UdpPort } from '../../src/transport/webrtc/werift/udp-port.ts';
import { FakeClock } from '../support/fake-clock.ts';

const password = 'password of the server';
const clientPassword = 'password of the client';

async function newProtocol(t: TestContext) {
  const port = await UdpPort.open(0, { clock: new FakeClock(), localOnly: true, silenceMs: 5000 });
  t.after(() => port.close());
  const protocol = new SharedProtocol({
    ...{ port, host: '127.0.0.1', arrived: () => {}, accepts: () => true },
    ice: { localUsername: 'server', localPassword: password, remoteUsername: 'client', remotePassword: clientPassword },
  });
  /** The requests that werift gets. */
  const passedOn: Message[] = [];
  protocol.onRequestReceived.subscribe((message) => void passedOn.push(message));
  const client = await newClient(t, port.port);
  return { ...client, protocol, passedOn, newClient: () => newClient(t, port.port) };
}

/** One address of the client. */
async function newClient(t: TestContext, serverPort: number) {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  t.after(() => socket.close());
  await once(socket, 'listening');
  const check = (attribute?: 'USE-CANDIDATE' | 'ICE-CONTROLLED') => {
    const request = new Message(methods.BINDING, classes.REQUEST)
      .setAttribute('USERNAME', 'server:client')
      .setAttribute('PRIORITY', 1);
    if (attribute === 'USE-CANDIDATE') request.setAttribute(attribute, null);
    if (attribute === 'ICE-CONTROLLED') request.setAttribute(attribute, 1n);
    request.addMessageIntegrity(Buffer.from(password)).addFingerprint();
    socket.send(request.bytes, serverPort, '127.0.0.1');
    return request;
  };
  /** Answers a request of the server. */
  const respond = (transactionId: Buffer, key = clientPassword) => {
    const response = new Message(methods.BINDING, classes.RESPONSE, transactionId)
      .setAttribute('XOR-MAPPED-ADDRESS', ['127.0.0.1', serverPort])
      .addMessageIntegrity(Buffer.from(key))
      .addFingerprint();
    socket.send(response.bytes, serverPort, '127.0.0.1');
  };
  const packets = on(socket, 'message');
  const nextPacket = async (): Promise<Buffer> => {
    const [data]: unknown[] = (await packets.next()).value ?? [];
    assert.ok(Buffer.isBuffer(data));
    return data;
  };
  const answer = async () => parseMessage(await nextPacket(), Buffer.from(password));
  /** The next request of the server. */
  const request = async () => {
    const message = parseMessage(await nextPacket(), Buffer.from(clientPassword));
    assert.equal(message?.messageClass, classes.REQUEST);
    return message;
  };
  return { check, respond, answer, request, nextPacket, ownPort: socket.address().port };
}

test('checks are answered without werift, which keeps state for each one', async (t) => {
  const { check, answer, passedOn, ownPort } = await newProtocol(t);
  const first = check('USE-CANDIDATE');
  for (let i = 0; i < 20; i++) {
    const { transactionIdHex } = check(i % 2 === 0 ? 'USE-CANDIDATE' : undefined);
    const response = await answer();
    assert.equal(response?.transactionIdHex, transactionIdHex);
    assert.equal(response.messageClass, classes.RESPONSE);
    assert.deepEqual(response.getAttributeValue('XOR-MAPPED-ADDRESS'), ['127.0.0.1', ownPort]);
  }
  assert.deepEqual(
    passedOn.map(({ transactionIdHex }) => transactionIdHex),
    [first.transactionIdHex],
  );
});

test('werift refuses a client with the role of the server', async (t) => {
  const { check, answer, passedOn } = await newProtocol(t);
  const conflicting = check('ICE-CONTROLLED');
  check();
  await answer();
  assert.deepEqual(
    passedOn.map(({ transactionIdHex }) => transactionIdHex),
    [conflicting.transactionIdHex],
  );
});

test('media moves to a nominated address once it answers a request, which nobody else can', async (t) => {
  const { protocol, newClient, ...first } = await newProtocol(t);
  const [moved, other] = [await newClient(), await newClient()];
  const media = () => protocol.sendData(Buffer.of(0x80), ['127.0.0.1', 9]);
  first.check('USE-CANDIDATE');
  other.check();
  await other.answer();
  moved.check('USE-CANDIDATE');
  const { transactionId } = await moved.request();
  assert.equal((await moved.answer())?.messageClass, classes.RESPONSE);
  await media();
  assert.deepEqual(await first.nextPacket(), Buffer.of(0x80));

  other.respond(transactionId);
  moved.respond(Buffer.alloc(12));
  moved.respond(transactionId, 'another password');
  // Answered in order: everything before them has been processed.
  for (const client of [other, moved]) {
    client.check();
    await client.answer();
  }
  await media();
  assert.deepEqual(await first.nextPacket(), Buffer.of(0x80), 'no response was valid');

  protocol.repeatRequest();
  assert.deepEqual((await moved.request()).transactionId, transactionId);
  moved.respond(transactionId);
  moved.check();
  await moved.answer();
  await media();
  assert.deepEqual(await moved.nextPacket(), Buffer.of(0x80));
});

test('requests to a nominated address that does not answer are repeated a few times', async (t) => {
  const { protocol, newClient, check } = await newProtocol(t);
  const victim = await newClient();
  check('USE-CANDIDATE');
  victim.check('USE-CANDIDATE');
  const { transactionIdHex } = await victim.request();
  await victim.answer();
  for (let i = 0; i < 20; i++) protocol.repeatRequest();
  for (let i = 0; i < 6; i++) assert.equal((await victim.request()).transactionIdHex, transactionIdHex);
  const { transactionIdHex: next } = victim.check();
  assert.equal((await victim.answer())?.transactionIdHex, next, 'no further request');
});
