/** The formats of /v1/audio: WAV with its length, and transcripts with times. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeWav } from '../../src/audio/wav.ts';
import { fakeEngines, gate } from '../support/fake-engines.ts';
import { ask, errorIn } from '../support/rest.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';

const speech = { model: 'tts-1', input: 'Hello there.', voice: 'alloy' };

async function lengths(response: Response) {
  const bytes = Buffer.from(await response.arrayBuffer());
  return { riff: bytes.readUInt32LE(4), data: bytes.readUInt32LE(40), all: bytes.length };
}

test('a WAV file states its length if the voice finishes early, otherwise it has the header of a stream', async (t) => {
  const engines = fakeEngines();
  const server = await newServer(t, { engines: fakeEngineSet(engines) });
  const speak = () =>
    fetch(`${server.url}/v1/audio/speech`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(speech),
    });
  const whole = await lengths(await speak());
  assert.deepEqual(whole, { riff: whole.all - 8, data: whole.all - 44, all: whole.all });

  const slow = gate();
  engines.voice.speak = async function* () {
    // More than the server waits for.
    yield { samples: new Int16Array(31 * 24_000), sampleRateHz: 24_000 };
    await slow.opened;
    yield { samples: new Int16Array(24_000), sampleRateHz: 24_000 };
  };
  const response = await speak();
  slow.open();
  assert.deepEqual(await lengths(response), { riff: 0xffff_ffff, data: 0xffff_ffff, all: 44 + 32 * 48_000 });
});

test('a format without an encoder is refused with the available ones; the default is WAV', async (t) => {
  const server = await newServer(t);
  const refused = await ask(server, 'POST /v1/audio/speech', { body: { ...speech, response_format: 'mp3' } });
  assert.equal(refused.status, 400);
  assert.match(errorIn(refused).message, /'mp3'.*'wav' and 'pcm'/);
  const usual = await ask(server, 'POST /v1/audio/speech', { body: speech });
  assert.equal(usual.headers.get('content-type'), 'audio/wav');
});

async function transcriptOf(url: string, fields: Record<string, string>): Promise<string> {
  const body = new FormData();
  for (const [name, value] of Object.entries({ model: 'whisper-1', ...fields })) body.append(name, value);
  body.append('timestamp_granularities[]', 'segment');
  body.append('file', new File([writeWav({ samples: new Int16Array(36_000), sampleRateHz: 24_000 })], 'a.wav'));
  return (await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body })).text();
}

test('a transcription may be verbose, SubRip or WebVTT', async (t) => {
  const engines = fakeEngines();
  engines.transcriber.hear = () => 'Less < more.';
  const { url } = await newServer(t, { engines: fakeEngineSet(engines) });
  const transcribed = (format: string) => transcriptOf(url, { language: 'en', response_format: format });
  assert.deepEqual(JSON.parse(await transcribed('verbose_json')), {
    task: 'transcribe',
    language: 'english',
    duration: 1.5,
    text: 'Less < more.',
    segments: [{ id: 0, start: 0, end: 1.5, text: 'Less < more.' }],
    usage: { type: 'duration', seconds: 2 },
  });
  assert.equal(await transcribed('srt'), '1\n00:00:00,000 --> 00:00:01,500\nLess < more.\n\n');
  assert.equal(await transcribed('vtt'), 'WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nLess &lt; more.\n\n');
});

test('a transcript that consists of markers for silence and noise is empty, in each format', async (t) => {
  const engines = fakeEngines();
  const { url } = await newServer(t, { engines: fakeEngineSet(engines) });
  for (const markers of ['[BLANK_AUDIO]', '(wind blowing) *sighs*', '♪ la la ♪']) {
    engines.transcriber.hear = () => markers;
    assert.equal(JSON.parse(await transcriptOf(url, {})).text, '');
    assert.equal(await transcriptOf(url, { response_format: 'text' }), '\n');
    assert.equal(await transcriptOf(url, { response_format: 'srt' }), '');
    assert.deepEqual(JSON.parse(await transcriptOf(url, { response_format: 'verbose_json' })).segments, []);
    const streamed = await transcriptOf(url, { stream: 'true' });
    assert.equal(streamed.match(/^data:/gm)?.length, 1);
    assert.match(streamed, /"type":"transcript.text.done","text":""/);
  }
  engines.transcriber.hear = () => '[door closes] Hello.';
  assert.equal(JSON.parse(await transcriptOf(url, {})).text, '[door closes] Hello.');
});
