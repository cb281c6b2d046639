/** The answers to STUN requests of the client of a call, over a real socket. */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { classes, Message, methods, parseMessage } from 'werift';
import { SharedProtocol } from '../../src/transport/webrtc/werift/shared-protocol.ts';
import { UdpPort } from '../../src/transport/webrtc/werift/udp-port.ts';
import { FakeClock } from '../support/fake-clock.ts';

const password = 'password of the server';

async function newProtocol(t: TestContext) {
  const port = await UdpPort.open(0, { clock: new FakeClock(), localOnly: true, silenceMs: 5000 });
  t.after(() => port.close());
  const protocol = new SharedProtocol({
    ...{ port, host: '127.0.0.1', arrived: () => {}, accepts: () => true },
    ice: { localUsername: 'server', localPassword: password, remoteUsername: 'client', remotePassword: 'p' },
  });
  /** The requests that werift gets. */
  const passedOn: Message[] = [];
  protocol.onRequestReceived.subscribe((message) => void passedOn.push(message));
  const client = createSocket('udp4').bind(0, '127.0.0.1');
  t.after(() => client.close());
  await once(client, 'listening');
  const check = (attribute?: 'USE-CANDIDATE' | 'ICE-CONTROLLED') => {
    const request = new Message(methods.BINDING, classes.REQUEST)
      .setAttribute('USERNAME', 'server:client')
      .setAttribute('PRIORITY', 1);
    if (attribute === 'USE-CANDIDATE') request.setAttribute(attribute, null);
    if (attribute === 'ICE-CONTROLLED') request.setAttribute(attribute, 1n);
    request.addMessageIntegrity(Buffer.from(password)).addFingerprint();
    client.send(request.bytes, port.port, '127.0.0.1');
    return request;
  };
  const answer = async () => {
    const [data]: unknown[] = await once(client, 'message');
    return Buffer.isBuffer(data) ? parseMessage(data, Buffer.from(password)) : undefined;
  };
  return { check, answer, passedOn, ownPort: client.address().port };
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
