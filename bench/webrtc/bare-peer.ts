/**
 * The bare limit of a call: a peer of the same library that decodes what it receives, runs voice activity detection on
 * it, and encodes and sends silence. It has no jitter buffer, no session and no events.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { MediaStreamTrack, RTCPeerConnection, RTCRtpCodecParameters, RtpHeader, RtpPacket } from 'werift';
import { Silero } from '../../src/engines/embedded/silero/silero.ts';
import { createFrameDecoder, createFrameEncoder, frameMs } from '../../src/transport/webrtc/frame-codec.ts';
import { opus, samplesPerFrame } from './rtc-caller.ts';

/** Answers offers at any path. */
export async function startBarePeer(): Promise<{ wsUrl: string }> {
  const detector = new Silero();
  const server = createServer(async (request, response) => {
    const sdp = await answer(await text(request), detector);
    response.writeHead(201, { 'Content-Type': 'application/sdp' }).end(sdp);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { wsUrl: `ws://127.0.0.1:${port}/v1/realtime` };
}

async function answer(offer: string, detector: Silero): Promise<string> {
  const [decoder, encoder] = await Promise.all([createFrameDecoder('opus'), createFrameEncoder('opus')]);
  const voiceActivity = detector.open({ sampleRateHz: decoder.sampleRateHz });
  const peer = new RTCPeerConnection({
    ...{ iceServers: [], bundlePolicy: 'max-bundle' },
    codecs: { audio: [new RTCRtpCodecParameters(opus)], video: [] },
  });
  const transceiver = peer.addTransceiver(new MediaStreamTrack({ kind: 'audio' }), { direction: 'sendrecv' });
  peer.onDataChannel.subscribe((channel) => channel.send('{"type":"session.created"}'));
  peer.onTrack.subscribe((track) =>
    track.onReceiveRtp.subscribe(({ payload }) => void voiceActivity.push(decoder.decode(payload))),
  );
  const silence = new Int16Array(samplesPerFrame);
  let sequenceNumber = 0;
  const timer = setInterval(() => {
    sequenceNumber = (sequenceNumber + 1) & 0xffff;
    const header = new RtpHeader({
      ...{ version: 2, payloadType: opus.payloadType, sequenceNumber, timestamp: sequenceNumber * 960 },
    });
    void transceiver.sender.sendRtp(new RtpPacket(header, Buffer.from(encoder.encode(silence))));
  }, frameMs);
  peer.connectionStateChange.subscribe((state) => {
    if (state === 'closed' || state === 'failed' || state === 'disconnected') clearInterval(timer);
  });
  await peer.setRemoteDescription({ type: 'offer', sdp: offer });
  await peer.setLocalDescription(await peer.createAnswer());
  return peer.localDescription?.sdp ?? '';
}
