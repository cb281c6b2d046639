import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decodeMulaw, encodeMulaw } from '../../src/audio/g711.ts';
import { concatSamples, durationMs, rmsDbfs } from '../../src/audio/pcm.ts';
import { resample } from '../../src/audio/resample.ts';
import { Flite } from '../../src/engines/embedded/flite/flite.ts';
import { Moonshine } from '../../src/engines/embedded/moonshine/moonshine.ts';
import type { WorkClaim } from '../../src/session/ports/work-claim.ts';
import { assertUnderstood, hear, noise, plainWords, say, silence } from '../engines/speech.ts';

const flite = new Flite({ workers: 1 });
const moonshine = new Moonshine({ workers: 2 });

after(() => Promise.all([flite.close(), moonshine.close()]));

const SENTENCES = [
  'What is the weather like in Boston today?',
  'Tell me a story about a dragon.',
  'The quick brown fox jumps over the lazy dog.',
  'Can you help me find a restaurant near the station?',
];

test('speech of the voice is transcribed with its text and its end of sentence', async () => {
  for (const sentence of SENTENCES) {
    const { text, confidence = 0, endOfSentence = 0 } = await hear(moonshine, await say(flite, sentence));
    assertUnderstood(sentence, text, 0.2);
    assert.ok(confidence > 0.6 && confidence <= 1);
    assert.ok(endOfSentence > 0.5 && endOfSentence <= 1);
  }
});

test('every voice of the document is intelligible, and all sound different', async () => {
  const sentence = 'What is the weather like in Boston today?';
  const seen = new Map<string, string>();
  for (const name of ['alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse', 'marin', 'cedar']) {
    const speech = await say(flite, sentence, { name });
    assertUnderstood(sentence, (await hear(moonshine, speech)).text, 0.25);
    const sound = speech.samples.subarray(8000, 8040).join();
    assert.equal(seen.get(sound), undefined, `${name} is ${seen.get(sound)}`);
    seen.set(sound, name);
  }
});

test('silent parts of a long recording do not reduce the time for the others', async () => {
  const clip = { samples: silence(90_000), sampleRateHz: 16_000 };
  const waits: boolean[] = [];
  const claim: WorkClaim = {
    ...{ key: '', session: 's', priority: 'upload' },
    onWait: (waiting) => waits.push(waiting),
  };
  const { signal } = new AbortController();
  const events = await Array.fromAsync(moonshine.transcribe(clip, { signal, claim }));
  assert.deepEqual(events, [{ type: 'done', text: '' }]);
  assert.ok(waits.filter((waiting) => !waiting).length >= 5, 'at most 20 s each');
});

test('an unknown voice is replaced by the default one', async () => {
  const [custom, alloy] = [await say(flite, 'Hello.', { name: 'voice_123' }), await say(flite, 'Hello.')];
  assert.deepEqual(custom.samples, alloy.samples);
});

test('text is streamed word by word, at any rate, and with telephone audio', async () => {
  const sentence = 'The quick brown fox jumps over the lazy dog.';
  const speech = await say(flite, sentence);
  const { deltas } = await hear(moonshine, await resample(speech, 24_000));
  assert.ok(deltas.length >= 8, deltas.join('|'));
  const narrow = await resample(speech, 8_000);
  const { text } = await hear(moonshine, { samples: decodeMulaw(encodeMulaw(narrow.samples)), sampleRateHz: 8_000 });
  assertUnderstood(sentence, text, 0.25);
});

test('a single word is not repeated', async () => {
  for (const word of ['No.', 'Sure.', 'Yes.']) {
    const { text } = await hear(moonshine, await say(flite, word));
    assert.equal(plainWords(text).length, 1, text);
  }
});

test('silence, noise, clicks and empty audio result in a blank transcript', async () => {
  const clips = [new Int16Array(0), silence(3000), noise(2000, 1500), Int16Array.of(0, 30000, 0), noise(10, 20000)];
  for (const samples of clips) {
    assert.deepEqual(await hear(moonshine, { samples, sampleRateHz: 24_000 }), { type: 'done', text: '', deltas: [] });
  }
});

test('long recordings are transcribed completely, without repetition', async () => {
  const sentences = [...SENTENCES, ...SENTENCES, ...SENTENCES];
  const parts: Int16Array[] = [];
  for (const sentence of sentences) parts.push((await say(flite, sentence)).samples, silence(500));
  const clip = { samples: concatSamples(parts), sampleRateHz: 16_000 };
  assert.ok(durationMs(clip.samples.length, 16_000) > 30_000);
  const { text } = await hear(moonshine, clip);
  assertUnderstood(sentences.join(' '), text, 0.15);
});

test('concurrent transcriptions equal single ones', async () => {
  const clips = await Promise.all(SENTENCES.map((sentence) => say(flite, sentence)));
  const alone: string[] = [];
  for (const clip of clips) alone.push((await hear(moonshine, clip)).text);
  const together = await Promise.all(clips.map((clip) => hear(moonshine, clip)));
  assert.deepEqual(
    together.map(({ text }) => text),
    alone,
  );
});

test('an aborted transcription throws the reason and yields nothing more', async () => {
  const clip = await say(flite, SENTENCES.join(' '));
  const abort = new AbortController();
  const events = moonshine.transcribe(clip, { signal: abort.signal })[Symbol.asyncIterator]();
  assert.equal((await events.next()).value?.type, 'delta');
  abort.abort(new Error('the session ended'));
  await assert.rejects(events.next(), /the session ended/);
  assert.equal((await events.next()).done, true);
});

test('an aborted voice throws the reason and yields nothing more', async () => {
  const abort = new AbortController();
  const speech = flite
    .speak('one two three four five. '.repeat(400), {
      voice: 'alloy',
      speed: 1,
      signal: abort.signal,
    })
    [Symbol.asyncIterator]();
  assert.equal((await speech.next()).done, false);
  abort.abort(new Error('the user spoke'));
  await assert.rejects(speech.next(), /the user spoke/);
  assert.equal((await speech.next()).done, true);
});

test('speed changes the duration, and the word timings with it', async () => {
  const lengths = [];
  for (const speed of [0.5, 1, 1.5]) {
    const speech = await say(flite, 'What is the weather like in Boston today?', { speed });
    lengths.push(speech.samples.length);
    assert.ok((speech.words.at(-1)?.endMs ?? 0) > durationMs(speech.samples.length, 16_000) * 0.8);
    assert.ok((await hear(moonshine, speech)).text.includes('weather'));
  }
  const [slow = 0, normal = 0, fast = 0] = lengths;
  assert.ok(slow > normal * 1.7 && fast < normal * 0.75);
});

test('silence around the words is trimmed, except for a short pause after a sentence', async () => {
  const { samples } = await say(flite, 'Good morning.');
  assert.ok(rmsDbfs(samples.subarray(0, 1600)) > -40);
  // 310 ms of silence, and the word before it.
  assert.ok(rmsDbfs(samples.subarray(-4800)) < -50);
  assert.ok(rmsDbfs(samples.subarray(-8000, -5000)) > -40);
});

test('audio is streamed in several chunks with their words', async () => {
  const { chunks } = await say(flite, 'I would like to book a table for two at seven tomorrow evening.');
  assert.ok(chunks.length > 5);
  assert.ok(chunks.every(({ samples, sampleRateHz }) => samples.length > 0 && sampleRateHz === 16_000));
});

test('a long clip does not delay a short one', async () => {
  const busy = new Moonshine({ workers: 1 });
  const sentence = await say(flite, 'The quick brown fox jumps over the lazy dog.');
  const long = { ...sentence, samples: concatSamples(Array.from({ length: 30 }, () => sentence.samples)) };
  const order: string[] = [];
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const hearLong = async () => {
    for await (const _ of busy.transcribe(long, { signal: new AbortController().signal })) begin();
    order.push('long');
  };
  const transcribed = hearLong();
  await begun;
  await hear(busy, sentence);
  order.push('short');
  await transcribed;
  assert.deepEqual(order, ['short', 'long']);
  await busy.close();
});

test('of the clips that wait for the thread the shortest is transcribed first', async () => {
  const busy = new Moonshine({ workers: 1 });
  const sentence = await say(flite, 'The quick brown fox jumps over the lazy dog.');
  const repeated = (times: number) => ({
    ...sentence,
    samples: concatSamples(Array.from({ length: times }, () => sentence.samples)),
  });
  await busy.ready;
  const order: number[] = [];
  const transcribe = async (times: number) => {
    await hear(busy, repeated(times));
    order.push(times);
  };
  // The first takes the thread.
  await Promise.all([transcribe(1), transcribe(5), transcribe(2)]);
  assert.deepEqual(order, [1, 2, 5]);
  await busy.close();
});
