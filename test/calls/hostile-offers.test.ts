/** Hostile and unusual offers, answered by the real WebRTC library. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ParleyServer } from '../../src/server/server.ts';
import { readOffer } from '../../src/transport/webrtc/offer.ts';
import { callCodecs } from '../../src/transport/webrtc/peer-connection.ts';
import { ask, errorIn } from '../support/rest.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { apiKeys, noCalls, offer, shop } from './calls-server.ts';

const fingerprint = Array(32).fill('AB').join(':');
const transport = [
  'c=IN IP4 0.0.0.0',
  'a=ice-ufrag:abcd',
  'a=ice-pwd:abcdefghijklmnopqrstuvwx',
  `a=fingerprint:sha-256 ${fingerprint}`,
  'a=setup:actpass',
];
const head = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1'];
const audio = [
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 0 8',
  ...transport,
  'a=mid:0',
  'a=sendrecv',
  'a=rtcp-mux',
  'a=rtpmap:111 opus/48000/2',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
];
const application = ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', ...transport, 'a=mid:1', 'a=sctp-port:5000'];
const video = (mid: number) => [
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  ...transport,
  `a=mid:${mid}`,
  'a=rtpmap:96 VP8/90000',
];
const candidate = 'a=candidate:1 1 udp 2113937151 192.0.2.1 54400 typ host';
const sdp = (...lines: readonly (string | readonly string[])[]) => `${[...head, ...lines.flat()].join('\r\n')}\r\n`;

type Refused = [name: string, body: string, status: number, message: RegExp];
const refused: Refused[] = [
  ['nothing', ' ', 400, /must start with the line 'v=0'/],
  ['JSON', JSON.stringify({ type: 'offer', sdp: sdp(audio, application) }), 400, /must start with the line 'v=0'/],
  ['control characters', '\u0000\u0001\u0002'.repeat(1000), 400, /must start with the line 'v=0'/],
  ['lines of garbage', sdp('!'.repeat(1000)), 400, /malformed line/],
  ['32,769 bytes', sdp(audio).padEnd(32_769, 'a=x\r\n'), 413, /larger than 32768 bytes/],
  [
    '17 media sections',
    sdp(audio, ...Array.from({ length: 16 }, (_, index) => video(index + 1))),
    400,
    /17 media sections/,
  ],
  ['129 candidates', sdp(audio, Array(129).fill(candidate)), 400, /129 candidates/],
  ['no audio', sdp(application), 400, /no audio section/],
  ['rejected audio', sdp(['m=audio 0 UDP/TLS/RTP/SAVPF 111'], application), 400, /no audio section/],
  ['two audio sections', sdp(audio, audio), 400, /more than one audio section/],
  [
    'no usable codec',
    sdp(['m=audio 9 UDP/TLS/RTP/SAVPF 9', ...transport, 'a=rtpmap:9 G722/8000']),
    400,
    /no audio codec/,
  ],
  ['no fingerprint', sdp(audio.filter((line) => !line.includes('fingerprint'))), 400, /no 'a=fingerprint'/],
  ['tiny messages', sdp(audio, application, 'a=max-message-size:100'), 400, /a=max-message-size:100/],
  ['two data sections', sdp(audio, application, application), 400, /more than one data section/],
  ...['x', '-5', '1e6', '', '0x10000'].map(
    (size): Refused => [
      `messages of the size '${size}'`,
      sdp(audio, application, `a=max-message-size:${size}`),
      400,
      new RegExp(`a=max-message-size:${size}'`),
    ],
  ),
];

async function answerTo(server: ParleyServer, body: string) {
  const answer = await offer(server, { sdp: body });
  return { ...answer, error: answer.status === 201 ? undefined : errorIn(answer) };
}

for (const [name, body, status, message] of refused) {
  test(`an offer of ${name} is refused with its reason`, async (t) => {
    verifies('R10.4');
    const server = await newServer(t, { config: { apiKeys } });
    const answer = await answerTo(server, body);
    assert.equal(answer.status, status);
    assert.match(answer.error?.message ?? '', message);
    assert.deepEqual((await ask(server, 'GET /v1/parley/sessions', { key: shop })).body, noCalls);
  });
}

const accepted: [name: string, body: string][] = [
  ['audio alone', sdp(audio)],
  ['128 candidates', sdp(audio, Array(128).fill(candidate), application)],
  ['messages of any size', sdp(audio, application, 'a=max-message-size:0')],
  [
    'PCMU alone, without a=rtpmap',
    sdp(
      audio.filter((line) => !line.startsWith('a=rtpmap')).map((line) => line.replace('SAVPF 111 0 8', 'SAVPF 0')),
      application,
    ),
  ],
  [
    'PCMU alone',
    sdp(
      audio.map((line) => line.replace('SAVPF 111 0 8', 'SAVPF 0')),
      application,
    ),
  ],
];

for (const [name, body] of accepted) {
  test(`an offer of ${name} is accepted`, async (t) => {
    verifies('R10.2');
    const server = await newServer(t, { config: { apiKeys } });
    const { status, body: answer } = await answerTo(server, body);
    assert.equal(status, 201);
    assert.match(String(answer), /^m=audio (?!0 )/m);
  });
}

test('a data section that is only bundled is accepted', async (t) => {
  verifies('R10.2');
  const server = await newServer(t, { config: { apiKeys } });
  const bundled = application.map((line) => line.replace('m=application 9', 'm=application 0'));
  const { status, body } = await answerTo(server, sdp(audio, bundled, 'a=bundle-only'));
  assert.equal(status, 201);
  assert.match(String(body), /^m=application (?!0 )/m);
});

for (const isBundled of [true, false]) {
  test(`a disabled data section is declined ${isBundled ? 'inside' : 'outside'} a bundle`, async (t) => {
    verifies('R10.2');
    const server = await newServer(t, { config: { apiKeys } });
    const disabled = application.map((line) => line.replace('m=application 9', 'm=application 0'));
    const body = sdp(audio, disabled);
    const answer = await answerTo(server, isBundled ? body : body.replace(/a=group.*\r\n/, ''));
    assert.equal(answer.status, 201);
    assert.match(String(answer.body), /^m=application 0 UDP\/DTLS\/SCTP webrtc-datachannel\r$/m);
    assert.doesNotMatch(String(answer.body), /^a=group:BUNDLE.* 1/m);
  });
}

test('attributes without effect are not passed to the library, however many', () => {
  const limits = { bytes: 32_768, mediaSections: 16, candidates: 128 };
  const sources = Array.from({ length: 500 }, (_, id) => `a=ssrc:${id + 1} cname:x`);
  const rids = Array.from({ length: 500 }, (_, id) => `a=rid:${id} send`);
  const { sdp: passed } = readOffer(sdp(audio, sources, rids, application), callCodecs, limits);
  assert.equal(passed, sdp(audio, sources.slice(0, 4), application));
});

test('video is declined', async (t) => {
  verifies('R10.2');
  const server = await newServer(t, { config: { apiKeys } });
  const { status, body } = await answerTo(server, sdp(audio, application, video(2)));
  assert.equal(status, 201);
  assert.match(String(body), /^m=video 0 /m);
});
