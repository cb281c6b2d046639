/**
 * The bare limit of a call: a peer of the same library that decodes what it receives, runs voice activity detection on
 * it, and answers each turn with a fixed sound. It encodes and sends silence otherwise. It has no jitter buffer and no
 * session.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  MediaStreamTrack,
  type RTCDataChannel,
  RTCPeerConnection,
  RTCRtpCodecParameters,
  RtpHeader,
  RtpPacket,
} from 'werift';
import { tone } from '../../dev/harness/instant-engines.ts';
import { Silero } from '../../src/engines/embedded/silero/silero.ts';
import { createFrameDecoder, createFrameEncoder, frameMs } from '../../src/transport/webrtc/frame-codec.ts';
import { wireRateHz } from '../recording.ts';
import { opus, samplesPerFrame } from './rtc-caller.ts';

const silence = new Int16Array(samplesPerFrame);
/** As long as the answer of the instant engines. */
const answerSamples = tone(500, wireRateHz);
const sound = Array.from({ length: answerSamples.length / samplesPerFrame }, (_, frame) =>
  answerSamples.subarray(frame * samplesPerFrame, (frame + 1) * samplesPerFrame),
);

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
  let channel: RTCDataChannel | undefined;
  peer.onDataChannel.subscribe((opened) => {
    channel = opened;
    opened.send('{"type":"session.created"}');
  });
  const turns = new BareTurns(voiceActivity.frameMs);
  let frames: Int16Array[] = [];
  const take = async (payload: Buffer) => {
    for (const { probability } of (await voiceActivity.push(decoder.decode(payload))) ?? []) {
      const change = turns.next(probability);
      if (change === undefined) continue;
      channel?.send(`{"type":"input_audio_buffer.${change}"}`);
      frames = change === 'speech_stopped' ? [...sound] : [];
    }
  };
  peer.onTrack.subscribe((track) => track.onReceiveRtp.subscribe(({ payload }) => void take(payload)));
  let sequenceNumber = 0;
  const timer = setInterval(() => {
    sequenceNumber = (sequenceNumber + 1) & 0xffff;
    const header = new RtpHeader({
      ...{ version: 2, payloadType: opus.payloadType, sequenceNumber, timestamp: sequenceNumber * 960 },
    });
    const payload = encoder.encode(frames.shift() ?? silence);
    void transceiver.sender.sendRtp(new RtpPacket(header, Buffer.from(payload)));
  }, frameMs);
  await peer.setRemoteDescription({ type: 'offer', sdp: offer });
  peer.dtlsTransports[0]?.onStateChange.subscribe((state) => {
    if (state !== 'closed') return;
    clearInterval(timer);
    void peer.close().then(() => {
      voiceActivity.close();
      decoder.free();
      encoder.free();
    });
  });
  await peer.setLocalDescription(await peer.createAnswer());
  return peer.localDescription?.sdp ?? '';
}

/** Turns end after this silence, as with `server_vad`. */
const silenceMs = 500;
const threshold = 0.5;

class BareTurns {
  readonly #frameMs: number;
  /** Silence since the last voiced frame of a turn. */
  #silentMs: number | undefined;

  constructor(frameMs: number) {
    this.#frameMs = frameMs;
  }

  next(probability: number): 'speech_started' | 'speech_stopped' | undefined {
    const before = this.#silentMs;
    if (probability >= threshold) {
      this.#silentMs = 0;
      return before === undefined ? 'speech_started' : undefined;
    }
    if (before === undefined) return undefined;
    this.#silentMs = before + this.#frameMs;
    if (this.#silentMs < silenceMs) return undefined;
    this.#silentMs = undefined;
    return 'speech_stopped';
  }
}
