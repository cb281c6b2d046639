/** The callers of a benchmark, in a separate process so that they do not delay the server. Started by `calls.ts`. */

import { samplesIn } from '../../src/audio/pcm.ts';
import { createFrameDecoder } from '../../src/transport/webrtc/frame-codec.ts';
import { amplitude, quietSamples, voiceEndMs, wireRateHz } from '../recording.ts';
import { packetsOf, RtcCaller } from './rtc-caller.ts';

export type ToCallers =
  /** Opens more calls, which stream a quiet room. */
  | { type: 'open'; url: string; calls: number; atOnce: number }
  /** Calls stream these samples (24 kHz) instead. */
  | { type: 'stream'; samples: Int16Array }
  /** Asks a question (24 kHz) in the first call. */
  | { type: 'ask'; question: Int16Array }
  | { type: 'count' }
  | { type: 'close' };
export type FromCallers =
  /** Milliseconds from each offer to the first event. */
  | { type: 'opened'; ms: number[] }
  | { type: 'streaming' }
  /** From sending the last voiced sample to the first audible one that arrives. */
  | { type: 'answered'; ms: number }
  | { type: 'counted'; received: Received }
  | { type: 'closed' };

/** By all calls since the last count. */
export interface Received {
  packets: number;
  /** Turns whose end the server has detected. */
  turns: number;
}

const tickMs = 4;
const audible = amplitude(-50);
/** Silence of the server after which an answer has ended. */
const endMs = 1500;

let callers: RtcCaller[] = [];
let repeated = await packetsOf(quietSamples());
let received: Received = { packets: 0, turns: 0 };
setInterval(() => {
  for (const caller of callers) caller.tick(performance.now());
}, tickMs);

process.on('message', (message: ToCallers) => {
  void perform(message).then((done) => process.send?.(done));
});
process.on('disconnect', () => process.exit());

async function perform(message: ToCallers): Promise<FromCallers> {
  switch (message.type) {
    case 'open':
      return { type: 'opened', ms: await open(message) };
    case 'stream':
      repeated = await packetsOf(message.samples);
      for (const caller of callers) caller.begin(repeated, performance.now());
      return { type: 'streaming' };
    case 'ask':
      return { type: 'answered', ms: await ask(message.question) };
    case 'count': {
      const counted = received;
      received = { packets: 0, turns: 0 };
      return { type: 'counted', received: counted };
    }
    case 'close':
      await Promise.all(callers.map((caller) => caller.close()));
      callers = [];
      return { type: 'closed' };
  }
}

async function open({ url, calls, atOnce }: Extract<ToCallers, { type: 'open' }>): Promise<number[]> {
  const times: number[] = [];
  while (times.length < calls) {
    const group = Math.min(atOnce, calls - times.length);
    times.push(...(await Promise.all(Array.from({ length: group }, () => openOne(url)))));
  }
  return times;
}

async function openOne(url: string): Promise<number> {
  const { caller, ms } = await RtcCaller.open((offer) => answerOf(url, offer));
  caller.onPacket(() => {
    received.packets += 1;
  });
  caller.onEvent((event) => {
    if (event.includes('"input_audio_buffer.speech_stopped"')) received.turns += 1;
  });
  caller.begin(repeated, performance.now());
  callers.push(caller);
  return ms;
}

async function answerOf(url: string, body: string): Promise<string> {
  const headers = { 'Content-Type': 'application/sdp', Authorization: 'Bearer any' };
  const answer = await fetch(url, { method: 'POST', headers, body });
  if (answer.status !== 201) throw new Error(`the offer was answered with ${answer.status}: ${await answer.text()}`);
  return answer.text();
}

/** Resolves after the end of the answer, so that the next question does not interrupt it. */
async function ask(question: Int16Array): Promise<number> {
  const [caller] = callers;
  if (caller === undefined) throw new Error('no call is open');
  const decoder = await createFrameDecoder('opus');
  const voiced = question.subarray(0, samplesIn(voiceEndMs(question), wireRateHz));
  await caller.speak(await packetsOf(voiced));
  const spokenAt = performance.now();
  const answered = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<void>();
  let loudAt: number | undefined;
  const stop = caller.onPacket((payload) => {
    const now = performance.now();
    if (decoder.decode(payload).some((sample) => Math.abs(sample) > audible)) {
      loudAt = now;
      answered.resolve(now - spokenAt);
    } else if (loudAt !== undefined && now - loudAt > endMs) ended.resolve();
  });
  const ms = await answered.promise;
  await ended.promise;
  stop();
  decoder.free();
  return ms;
}
