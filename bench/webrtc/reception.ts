/** The quality of a call's audio where the server receives it, over networks that lose and delay packets. */

import { UdpProxy } from '../../dev/harness/udp-proxy.ts';
import { concatSamples, samplesIn } from '../../src/audio/pcm.ts';
import { systemClock } from '../../src/core/clock.ts';
import { openConnections } from '../../src/transport/webrtc/open-connections.ts';
import { callCodecs, type PeerConnection, type ReceivedPackets } from '../../src/transport/webrtc/peer-connection.ts';
import { type Figure, type Section, summarise } from '../figures.ts';
import { wireRateHz } from '../recording.ts';
import { packetsOf, RtcCaller, samplesPerFrame } from './rtc-caller.ts';

const toneHz = 440;
const toneAmplitude = 8000;
const networks = [
  { lossPercent: 0, jitterMs: 0 },
  { lossPercent: 0, jitterMs: 30 },
  { lossPercent: 2, jitterMs: 30 },
  { lossPercent: 5, jitterMs: 30 },
] as const;
/** The jitter buffer adapts in this time, which is not measured. */
const skippedMs = 1000;
const tickMs = 4;
const roughDb = 20;
const gapDb = 40;

type Network = (typeof networks)[number];

export async function reception(toneMs: number, speech: Int16Array): Promise<Section> {
  const measured = await Promise.all(
    networks.map(async (network) => {
      const [{ samples }, { packets }] = await Promise.all([receive(network, tone(toneMs)), receive(network, speech)]);
      return figuresOf(network, { samples, packets });
    }),
  );
  return {
    title: 'Audio of a call where the server receives it',
    how:
      `A client sends ${toneMs / 1000} s of a tone of ${toneHz} Hz as Opus through a UDP proxy, which loses packets at random and delays each by a random time up to the jitter. ` +
      `Measured is what the session gets, but its first ${skippedMs / 1000} s, in frames of 20 ms (n), each beside the sine of ${toneHz} Hz that fits it best. Rough: frames with a signal-to-noise ratio below ${roughDb} dB. ` +
      `Gaps: frames more than ${gapDb} dB below the tone. The packets are those of speech instead, because libopus adds no FEC to a tone. Restored: lost or late ones that were taken from the next one. Concealed: the others.`,
    figures: measured.flat(),
    warnings: [],
  };
}

interface Received {
  samples: Int16Array;
  packets: ReceivedPackets;
}

/** Sends samples (24 kHz) over a network. */
async function receive({ lossPercent, jitterMs }: Network, sent: Int16Array): Promise<Received> {
  const connections = openConnections({
    ...{ clock: systemClock, port: 0, addresses: ['127.0.0.1'], localOnly: true, codecs: callCodecs, leadMs: 1000 },
    limits: {
      ...{ bytes: 65_536, mediaSections: 16, candidates: 100, connectMs: 15_000, silenceMs: 5000 },
      ...{ messageBytes: 1024 ** 2, pendingBytes: 4 * 1024 ** 2 },
    },
  });
  const proxy = new UdpProxy();
  const clips: Int16Array[] = [];
  let server: PeerConnection | undefined;
  const { caller } = await RtcCaller.open(async (offer) => {
    server = await connections.accept(
      offer,
      {
        ...{ connected() {}, message() {}, drained() {}, audioExceeded() {} },
        channelOpened: (channel) => channel.send('{}'),
        audio: ({ samples }) => void clips.push(samples),
      },
      new AbortController().signal,
    );
    const [, port = ''] = /127\.0\.0\.1 (\d+) typ host/.exec(server.answer) ?? [];
    const proxyPort = await proxy.open(Number(port));
    return server.answer.replaceAll(`127.0.0.1 ${port} typ`, `127.0.0.1 ${proxyPort} typ`);
  });
  proxy.network = ({ toServer }) =>
    toServer && 100 * Math.random() < lossPercent ? undefined : Math.round(jitterMs * Math.random());
  const timer = setInterval(() => caller.tick(performance.now()), tickMs);
  try {
    caller.begin([], performance.now());
    await caller.speak(await packetsOf(sent));
    const received = server?.received;
    if (received === undefined) throw new Error('the call was not accepted');
    return { samples: concatSamples(clips), packets: received };
  } finally {
    clearInterval(timer);
    await caller.close();
    await connections.close();
    proxy.close();
  }
}

function tone(ms: number): Int16Array {
  return Int16Array.from({ length: samplesIn(ms, wireRateHz) }, (_, index) =>
    Math.round(toneAmplitude * Math.sin((2 * Math.PI * toneHz * index) / wireRateHz)),
  );
}

function figuresOf({ lossPercent, jitterMs }: Network, { samples, packets }: Received): Figure[] {
  const frames: { signalDb: number; ratioDb: number }[] = [];
  const start = samplesIn(skippedMs, wireRateHz);
  for (let at = start; at + samplesPerFrame <= samples.length; at += samplesPerFrame) {
    frames.push(fit(samples.subarray(at, at + samplesPerFrame)));
  }
  const toneDb = 20 * Math.log10(toneAmplitude / Math.SQRT2);
  const sent = packets.received + packets.lost;
  const percent = (name: string, part: number, whole: number): Figure => ({
    ...{ name: `  ${name}`, unit: '%' },
    ...{ ...summarise([(100 * part) / whole]), n: whole },
  });
  return [
    {
      ...{ name: `${lossPercent} % loss, ${jitterMs} ms jitter: SNR`, unit: 'dB' },
      ...summarise(frames.map(({ ratioDb }) => ratioDb)),
    },
    percent('rough', frames.filter(({ ratioDb }) => ratioDb < roughDb).length, frames.length),
    percent('gaps', frames.filter(({ signalDb }) => signalDb < toneDb - gapDb).length, frames.length),
    percent('packets restored', packets.recovered, sent),
    percent('packets concealed', packets.concealed, sent),
  ];
}

/** The level of the best sine in a frame, and its ratio to the rest: least squares. */
function fit(frame: Int16Array): { signalDb: number; ratioDb: number } {
  let [cc, ss, cs, xc, xs, power] = [0, 0, 0, 0, 0, 0];
  for (const [index, x] of frame.entries()) {
    const angle = (2 * Math.PI * toneHz * index) / wireRateHz;
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    cc += c * c;
    ss += s * s;
    cs += c * s;
    xc += x * c;
    xs += x * s;
    power += x * x;
  }
  const determinant = cc * ss - cs * cs;
  const [a, b] = [(xc * ss - xs * cs) / determinant, (xs * cc - xc * cs) / determinant];
  const signal = a * xc + b * xs;
  const noise = Math.max(1e-9, power - signal);
  return {
    signalDb: 10 * Math.log10(Math.max(1e-9, signal / frame.length)),
    ratioDb: 10 * Math.log10(Math.max(1e-9, signal) / noise),
  };
}
