/** Calls over real sockets on this machine, through a proxy that loses, delays and reorders packets. */

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { encodeMulaw } from '../../src/audio/g711.ts';
import { OpusDecoder, OpusEncoder } from '../../src/audio/opus.ts';
import { concatSamples, durationMs, rmsDbfs } from '../../src/audio/pcm.ts';
import { hostAddresses, isOwnAddress } from '../../src/transport/webrtc/werift/udp-port.ts';
import { spokenQuestion } from '../support/question.ts';
import { MediaCaller, newConnections } from './media-caller.ts';

const options = { timeout: 60_000 };
const { samples: question } = await spokenQuestion(24_000);
const speech = question.subarray(0, 24_000);

/** Waits for a condition that packets fulfil: they are paced in real time, and the client of the library reports none. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function encoded(samples: Int16Array): Promise<Uint8Array[]> {
  const encoder = await OpusEncoder.create({
    ...{ sampleRateHz: 24_000, bitsPerSecond: 32_000, complexity: 5, expectedLossPercent: 10 },
  });
  const packets: Uint8Array[] = [];
  for (let at = 0; at + 480 <= samples.length; at += 480) packets.push(encoder.encode(samples.subarray(at, at + 480)));
  encoder.free();
  return packets;
}

/** Sends packets of 20 ms as their time comes. */
async function speak(caller: MediaCaller, packets: readonly Uint8Array[], ticks: number): Promise<void> {
  const start = performance.now();
  for (const [index, packet] of packets.entries()) {
    await until(() => performance.now() >= start + index * 20);
    caller.sendRtp(packet, index * ticks);
  }
}

test('the audio of a client arrives whole, also with lost, late and reordered packets', options, async (t) => {
  const connections = newConnections(t);
  const caller = await MediaCaller.call(connections);
  t.after(() => caller.leave());
  caller.proxy.network = ({ index, toServer }) => (toServer && index % 20 === 7 ? undefined : (index * 13) % 30);
  const packets = await encoded(speech);
  await speak(caller, packets, 960);
  const total = () => durationMs(concatSamples(caller.received).length, 24_000);
  await until(() => total() >= 1000);
  const samples = concatSamples(caller.received);
  const difference = Math.abs(rmsDbfs(samples.subarray(0, 24_000)) - rmsDbfs(speech));
  assert.ok(difference < 2, `the level differs by ${difference} dB`);
});

test('the client gets 50 frames a second, and speech as it was played', options, async (t) => {
  const connections = newConnections(t);
  const caller = await MediaCaller.call(connections);
  t.after(() => caller.leave());
  caller.play(speech);
  await until(() => caller.server.playback.positionMs('item_1', 0) === 1000);
  await until(() => caller.packets.length >= 60);
  const decoder = await OpusDecoder.create(24_000);
  const heard = concatSamples(caller.packets.map(({ payload }) => decoder.decode(payload)));
  decoder.free();
  assert.ok(Math.abs(rmsDbfs(heard.subarray(0, 24_000)) - rmsDbfs(speech)) < 3);
  const steps = caller.packets.map(({ header }, i) => {
    const before = caller.packets[i - 1]?.header;
    return before ? (header.timestamp - before.timestamp) >>> 0 : 960;
  });
  // Frames that a stalled process missed are skipped.
  assert.ok(steps.every((step) => step > 0 && step % 960 === 0));
  assert.equal(caller.packets.filter(({ header }) => header.marker).length, 1);
});

for (const codec of ['pcmu', 'pcma'] as const) {
  test(`${codec} alone works in both directions`, options, async (t) => {
    const connections = newConnections(t);
    const caller = await MediaCaller.call(connections, { codec });
    t.after(() => caller.leave());
    assert.equal(caller.server.codec, codec);
    const frame = encodeMulaw(new Int16Array(160).fill(1000));
    await speak(caller, Array(10).fill(frame), 160);
    await until(() => concatSamples(caller.received).length >= 1600);
    caller.play(speech);
    await until(() => caller.packets.length >= 30);
    assert.ok(caller.packets.every(({ payload }) => payload.length === 160));
  });
}

test('messages pass both ways, and the answer announces the size', options, async (t) => {
  const connections = newConnections(t);
  const caller = await MediaCaller.call(connections);
  t.after(() => caller.leave());
  assert.match(caller.server.answer, /a=max-message-size:1048576/);
  assert.match(caller.server.answer, /a=fmtp:111 .*useinbandfec=1/);
  const channel = await caller.channelOpened;
  const large = 'x'.repeat(60_000);
  channel.send(large);
  const [sent] = caller.peer.sctpTransport ? Object.values(caller.peer.sctpTransport.dataChannels) : [];
  const got = new Promise((resolve) => sent?.onMessage.subscribe(resolve));
  assert.equal(await got, large);
  sent?.send('y'.repeat(200_000));
  await until(() => caller.messages.length === 1);
  assert.equal(caller.messages[0], 'y'.repeat(200_000));
  assert.throws(() => channel.send('x'.repeat(70_000)), RangeError);
});

test('a message that the network loses is delivered once it has been sent again', options, async (t) => {
  const caller = await MediaCaller.call(newConnections(t));
  t.after(() => caller.leave());
  const channel = await caller.channelOpened;
  await until(() => channel.isDelivered);
  const [events] = caller.peer.sctpTransport ? Object.values(caller.peer.sctpTransport.dataChannels) : [];
  const got = new Promise((resolve) => events?.onMessage.subscribe(resolve));
  caller.proxy.network = ({ toServer }) => (toServer ? 0 : undefined);
  channel.send('last words');
  await until(() => channel.bufferedBytes === 0);
  assert.equal(channel.isDelivered, false);
  caller.proxy.network = () => 0;
  assert.equal(await got, 'last words');
  await until(() => channel.isDelivered);
});

test('the first of several sizes of messages applies', options, async (t) => {
  const connections = newConnections(t);
  const sizes = 'a=max-message-size:65536\r\na=max-message-size:5000';
  const rewrite = (sdp: string) => sdp.replace(/a=max-message-size:\d+/, sizes);
  const caller = await MediaCaller.call(connections, { rewrite });
  t.after(() => caller.leave());
  const channel = await caller.channelOpened;
  assert.equal(channel.maxMessageBytes, 65_536);
  channel.send('x'.repeat(60_000));
});

test('a call may be closed while its audio is sent or received', options, async (t) => {
  const connections = newConnections(t);
  const sending = await MediaCaller.call(connections);
  sending.server.playback.listener = { started: () => {}, drained: () => sending.server.close() };
  sending.play(speech.subarray(0, 960));
  assert.equal(await sending.server.ended, 'closed');
  await sending.leave();
  const receiving: MediaCaller = await MediaCaller.call(connections, {
    handlers: { audio: () => receiving.server.close() },
  });
  await speak(receiving, await encoded(speech.subarray(0, 4800)), 960);
  assert.equal(await receiving.server.ended, 'closed');
  await receiving.leave();
});

test('a client that vanishes is noticed, and one that only sends nothing is not gone', options, async (t) => {
  const connections = newConnections(t, { silenceMs: 4000 });
  const quiet = await MediaCaller.call(connections);
  const lost = await MediaCaller.call(connections);
  t.after(() => Promise.all([quiet.leave(), lost.leave()]));
  let quietEnded = false;
  void quiet.server.ended.then(() => {
    quietEnded = true;
  });
  lost.proxy.network = () => undefined;
  assert.equal(await lost.server.ended, 'vanished');
  assert.ok(!quietEnded);
});

test('a client that leaves is noticed at once', options, async (t) => {
  const connections = newConnections(t);
  const caller = await MediaCaller.call(connections);
  await caller.channelOpened;
  await caller.leave();
  assert.equal(await caller.server.ended, 'left');
});

test('garbage and strangers have no effect on a call', options, async (t) => {
  const connections = newConnections(t);
  const caller = await MediaCaller.call(connections);
  t.after(() => caller.leave());
  const [, port = ''] = /127\.0\.0\.1 (\d+) typ host/.exec(caller.server.answer) ?? [];
  const stranger = createSocket('udp4');
  t.after(() => stranger.close());
  for (let first = 0; first < 256; first++) {
    for (const length of [1, 20, 200]) stranger.send(Buffer.alloc(length, first), Number(port), '127.0.0.1');
  }
  // Authenticated packets with broken content.
  for (let i = 0; i < 50; i++) caller.sendRtp(Buffer.alloc(1 + (i % 40), 0xff), i * 960);
  await speak(caller, await encoded(speech.subarray(0, 4800)), 960);
  await until(() => concatSamples(caller.received).length >= 4800);
  caller.server.close();
  assert.equal(await caller.server.ended, 'closed');
});

test('opening and closing calls leaves nothing behind', options, async (t) => {
  const connections = newConnections(t);
  const resources = () => process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap' || name === 'Timeout');
  const first = await MediaCaller.call(connections);
  first.server.close();
  await first.server.ended;
  await first.leave();
  await until(() => !resources().includes('Timeout'));
  const before = resources().length;
  for (let i = 0; i < 30; i++) {
    const caller = await MediaCaller.call(connections);
    // A client that leaves before its own handshake is complete cannot say so.
    await caller.channelOpened;
    if (i % 2) caller.server.close();
    else await caller.leave();
    await caller.server.ended;
    if (i % 2) await caller.leave();
  }
  await until(() => resources().length <= before);
});

test('a server on loopback accepts packets of this machine only', () => {
  for (const own of ['127.0.0.1', ...hostAddresses()]) assert.ok(isOwnAddress(own), own);
  assert.equal(isOwnAddress('192.0.2.1'), false);
  assert.equal(isOwnAddress('fe80::1234%eth9'), false);
});
