import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import { resample } from '../../src/audio/resample.ts';
import { Flite } from '../../src/engines/embedded/flite/flite.ts';
import { Silero } from '../../src/engines/embedded/silero/silero.ts';
import { quietestDb, type VoiceActivityStream, type VoiceFrame } from '../../src/session/ports/voice-activity.ts';
import { noise, say, silence } from '../engines/speech.ts';

const silero = new Silero();
/** A second of silence, some three of speech, a second of silence. */
let recording: Int16Array;

before(async () => {
  const flite = new Flite({ workers: 1 });
  const speech = await say(flite, 'Could you tell me when the next train leaves for the city?');
  await flite.close();
  recording = concatSamples([silence(1024), speech.samples, silence(1024)]);
});

after(() => silero.close());

async function push(stream: VoiceActivityStream, samples: Int16Array): Promise<readonly VoiceFrame[]> {
  return (await stream.push(samples)) ?? [];
}

async function framesOf(samples: Int16Array, chunk: number, sampleRateHz: number): Promise<VoiceFrame[]> {
  const stream = silero.open({ sampleRateHz });
  const pushes: Promise<readonly VoiceFrame[]>[] = [];
  for (let at = 0; at < samples.length; at += chunk) pushes.push(push(stream, samples.subarray(at, at + chunk)));
  const results = await Promise.all(pushes);
  stream.close();
  return results.flat();
}

async function probabilities(samples: Int16Array, chunk: number, sampleRateHz: number): Promise<number[]> {
  return (await framesOf(samples, chunk, sampleRateHz)).map(({ probability }) => probability);
}

test('speech is distinguished from the silence around it', async () => {
  const frames = await probabilities(recording, 320, 16_000);
  assert.equal(frames.length, Math.floor(recording.length / 512));
  const speech = frames.slice(34, -36);
  assert.ok(speech.filter((p) => p > 0.5).length > speech.length * 0.75, 'speech');
  assert.ok(Math.max(...frames.slice(0, 30), ...frames.slice(-20)) < 0.3, 'silence');
});

test('frames have the level of their audio, and voiced ones a pitch', async () => {
  const frames = await framesOf(recording, 320, 16_000);
  assert.equal(frames[0]?.energyDb, quietestDb);
  assert.equal(frames[0]?.pitchHz, 0);
  const likely = frames.filter(({ probability }) => probability > 0.9);
  assert.ok(likely.every(({ energyDb }) => energyDb > -60 && energyDb < 0));
  const voiced = likely.map(({ pitchHz }) => pitchHz).filter((pitchHz) => pitchHz > 0);
  assert.ok(voiced.length > likely.length / 2, `${voiced.length} of ${likely.length}`);
  const median = voiced.toSorted((a, b) => a - b)[voiced.length >> 1] ?? 0;
  assert.ok(median > 100 && median < 300, `${median} Hz`);
});

test('noise is not speech', async () => {
  assert.ok(Math.max(...(await probabilities(noise(3000, 1500), 1600, 16_000))) < 0.5);
});

for (const sampleRateHz of [8_000, 16_000, 24_000]) {
  test(`at ${sampleRateHz} Hz, the chunking of audio does not affect results, and no frame is late`, async () => {
    const { samples } = await resample({ samples: recording, sampleRateHz: 16_000 }, sampleRateHz);
    const whole = await framesOf(samples, samples.length, sampleRateHz);
    assert.equal(whole.length, Math.floor(samples.length / (sampleRateHz * 0.032)));
    for (const chunk of [sampleRateHz * 0.02, sampleRateHz * 0.2, 777]) {
      assert.deepEqual(await framesOf(samples, chunk, sampleRateHz), whole);
    }
    const stream = silero.open({ sampleRateHz });
    assert.equal((await push(stream, samples.subarray(0, sampleRateHz * 0.032))).length, 1);
    assert.equal((await push(stream, samples.subarray(0, sampleRateHz * 0.031))).length, 0);
    assert.equal((await push(stream, samples.subarray(0, sampleRateHz * 0.001))).length, 1);
    stream.close();
  });
}

test('streams that run in one batch get the same frames as alone', async () => {
  const inputs = Array.from({ length: 20 }, (_, i) => {
    const start = i * 1000;
    return i % 4 === 3 ? noise(2000, 500 * i) : recording.subarray(start, start + 40_000);
  });
  const alone: VoiceFrame[][] = [];
  for (const samples of inputs) alone.push(await framesOf(samples, 480, 24_000));
  const all = alone.flat().map(({ probability }) => probability);
  assert.ok(all.some((p) => p > 0.9) && all.some((p) => p < 0.1), 'speech and silence');
  assert.deepEqual(await Promise.all(inputs.map((samples) => framesOf(samples, 480, 24_000))), alone);
});

test('noise reduction does not change the number of frames, or depend on the chunking', async () => {
  const reduce = async (chunk: number) => {
    const stream = silero.open({ sampleRateHz: 16_000 });
    const reduced: Int16Array[] = [];
    stream.reduceNoise?.({ strength: 1, write: (samples) => reduced.push(samples) });
    const pushes: Promise<readonly VoiceFrame[]>[] = [];
    for (let at = 0; at < recording.length; at += chunk) pushes.push(push(stream, recording.subarray(at, at + chunk)));
    const frames = (await Promise.all(pushes)).flat();
    stream.close();
    return { frames, reduced: concatSamples(reduced) };
  };
  const whole = await reduce(recording.length);
  assert.equal(whole.frames.length, Math.floor(recording.length / 512) - 1, 'all but the delay');
  assert.ok(whole.reduced.length >= whole.frames.length * 512);
  assert.ok(whole.frames.filter(({ probability }) => probability > 0.5).length > 60, 'speech');
  for (const chunk of [320, 777]) assert.deepEqual(await reduce(chunk), whole);
});

test('minutes of audio in one push do not delay another stream', async () => {
  const order: string[] = [];
  const greedy = silero.open({ sampleRateHz: 16_000 });
  const modest = silero.open({ sampleRateHz: 16_000 });
  const long = push(greedy, silence(60_000)).then(() => order.push('a minute'));
  const short = push(modest, silence(64)).then(() => order.push('two frames'));
  await Promise.all([long, short]);
  assert.deepEqual(order, ['two frames', 'a minute']);
  greedy.close();
  modest.close();
});

test('closing a stream settles its pushes early, and later ones yield nothing', async () => {
  const stream = silero.open({ sampleRateHz: 16_000 });
  const pending = push(stream, silence(600_000));
  stream.close();
  assert.ok((await pending).length < 18_750);
  assert.equal((await push(stream, silence(320))).length, 0);
  stream.close();
});

test('audio beyond the queue is refused', async () => {
  const stream = silero.open({ sampleRateHz: 8_000 });
  const first = push(stream, silence(20 * 60_000, 8_000));
  await assert.rejects(
    push(stream, silence(20 * 60_000, 8_000)),
    /Silero voice activity: 30 minutes of audio are already waiting/,
  );
  stream.close();
  await first;
});
