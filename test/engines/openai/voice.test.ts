import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { durationMs, samplesToBytes } from '../../../src/audio/pcm.ts';
import { wavHeader, writeWav } from '../../../src/audio/wav.ts';
import { EngineError } from '../../../src/engines/engine-error.ts';
import { HttpVoice, type HttpVoiceOptions } from '../../../src/engines/openai/http-voice.ts';
import { withVoiceAliases } from '../../../src/engines/spec/voice-aliases.ts';
import { speech } from '../contract/voice.ts';
import { type Handler, hangs, type ModelServer, modelServer, sendJson } from './servers/model-server.ts';
import { speechBody, speechServer, speechStyles, spoken } from './servers/speech-servers.ts';

async function serverAndVoice(
  t: TestContext,
  handle: Handler,
  options: Partial<HttpVoiceOptions> = {},
): Promise<{ server: ModelServer; voice: HttpVoice }> {
  const server = await modelServer(t, handle);
  const voice = new HttpVoice({ url: server.url, model: 'kokoro', attempts: 1, ...options });
  t.after(() => voice.close());
  return { server, voice };
}

const kokoro = speechServer(speechStyles['Kokoro-FastAPI'] ?? assert.fail());

test('a clause is requested with the model, the voice and the speed', async (t) => {
  const { server, voice } = await serverAndVoice(t, kokoro);
  await speech(voice, 'Good day.', 1.25);
  await speech(voice, 'Good day.');
  const body = { model: 'kokoro', input: 'Good day.', voice: 'alloy', response_format: 'wav' };
  assert.deepEqual(speechBody(await server.request(1)), { ...body, speed: 1.25 });
  assert.deepEqual(speechBody(await server.request(2)), body);
});

test('standard voice names are mapped to voices of the server', async (t) => {
  const { server, voice: plain } = await serverAndVoice(t, kokoro);
  const voice = withVoiceAliases(plain, { alloy: 'af_heart', '*': 'bf_emma' });
  for (const name of ['alloy', 'marin', '__proto__']) {
    await Array.fromAsync(voice.speak('Hi.', { voice: name, speed: 1, signal: new AbortController().signal }));
  }
  assert.deepEqual(
    server.requests.map((request) => speechBody(request).voice),
    ['af_heart', 'bf_emma', 'bf_emma'],
  );
});

test('audio at 11.025 kHz keeps its duration', async (t) => {
  const { voice } = await serverAndVoice(t, speechServer(speechStyles['a voice of 11.025 kHz'] ?? assert.fail()));
  const { samples, sampleRateHz } = await speech(voice, 'Twenty letters, yes.');
  assert.equal(sampleRateHz, 11_025);
  assert.ok(Math.abs(durationMs(samples.length, sampleRateHz) - 440) < 5);
});

test('raw PCM has 24 kHz, unless the server or the configuration says otherwise', async (t) => {
  const pcm =
    (type: string): Handler =>
    (_, response) =>
      void response
        .writeHead(200, { 'content-type': type })
        .end(samplesToBytes(spoken({ model: '', voice: '', input: 'word' }, 24_000)));
  const rate = async (type: string, options: Partial<HttpVoiceOptions> = {}) => {
    const { voice } = await serverAndVoice(t, pcm(type), { format: 'pcm', ...options });
    return (await speech(voice, 'word')).sampleRateHz;
  };
  assert.equal(await rate('audio/pcm'), 24_000);
  assert.equal(await rate('audio/mpeg'), 24_000);
  assert.equal(await rate('audio/L16; rate=16000; channels=1'), 16_000);
  assert.equal(await rate('application/octet-stream', { pcmRateHz: 22_050 }), 22_050);
});

test('audio is forwarded as it arrives', async (t) => {
  const { voice, server } = await serverAndVoice(t, async (request, response) => {
    const wav = writeWav({
      samples: spoken({ model: '', voice: '', input: 'a longer sentence' }, 24_000),
      sampleRateHz: 24_000,
    });
    response.writeHead(200, { 'content-type': 'audio/wav' });
    response.write(wav.subarray(0, wav.length / 2));
    await hangs(request);
  });
  const iterator = voice.speak('a longer sentence', { voice: 'alloy', speed: 1, signal: new AbortController().signal });
  const first = await iterator.next();
  assert.ok(!first.done && first.value.samples.length > 0);
  await iterator.return();
  const { closed } = await server.request(1);
  await closed;
});

test('pauses within speech are retained', async (t) => {
  const word = spoken({ model: '', voice: '', input: 'word' }, 24_000);
  const { voice } = await serverAndVoice(t, (_, response) => {
    const samples = new Int16Array(word.length * 2);
    samples.set(word);
    samples.set(word, word.length);
    const wav = writeWav({ samples, sampleRateHz: 24_000 });
    response.writeHead(200, { 'content-type': 'audio/wav' });
    for (let at = 0; at < wav.length; at += 1000) response.write(wav.subarray(at, at + 1000));
    response.end();
  });
  const { samples } = await speech(voice, 'word word');
  // Two words of 80 ms, the 700 ms between them, and the remaining silence around them.
  assert.ok(Math.abs(durationMs(samples.length, 24_000) - (80 + 700 + 80 + 40)) < 5);
});

test('chunks after the audio of a WAV file are ignored', async (t) => {
  const samples = spoken({ model: '', voice: '', input: 'word' }, 24_000);
  const list = Buffer.concat([Buffer.from('LIST'), Buffer.of(200, 0, 0, 0), Buffer.alloc(200, 0x55)]);
  const { voice } = await serverAndVoice(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'audio/wav' });
    response.end(Buffer.concat([writeWav({ samples, sampleRateHz: 24_000 }), list]));
  });
  assert.ok(durationMs((await speech(voice, 'word')).samples.length, 24_000) < 125);
});

test('audio in several WAV files, or longer than its header states, is spoken completely and without clicks', async (t) => {
  const rateHz = 24_000;
  const word = Int16Array.from({ length: rateHz / 10 }, (_, at) => 3000 * Math.sin(at / 10));
  const bare = samplesToBytes(word);
  const file = (dataBytes?: number) => Buffer.concat([wavHeader(rateHz, dataBytes), bare]);
  const shapes = {
    'three files': [file(bare.length), file(bare.length), file(bare.length)],
    'three files of unknown length': [file(), file(), file()],
    'three files of no length': [file(0), file(0), file(0)],
    'the length of the first piece': [file(bare.length), bare, bare],
    'the length of one sample': [file(2), bare, bare],
    'a length beyond the end': [file(bare.length * 9), bare, bare],
  };
  for (const [name, parts] of Object.entries(shapes)) {
    const { voice } = await serverAndVoice(t, (_, response) => {
      response.writeHead(200, { 'content-type': 'audio/wav' });
      const bytes = Buffer.concat(parts);
      for (let at = 0; at < bytes.length; at += 1001) response.write(bytes.subarray(at, at + 1001));
      response.end();
    });
    const { samples } = await speech(voice, 'word word word');
    assert.ok(Math.abs(durationMs(samples.length, rateHz) - 300) < 2, name);
    assert.ok(
      samples.every((sample) => Math.abs(sample) <= 3000),
      name,
    );
  }
});

test('long text is requested in pieces without loss', async (t) => {
  const { server, voice } = await serverAndVoice(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'audio/wav' });
    response.end(writeWav({ samples: spoken({ model: '', voice: '', input: 'word' }, 24_000), sampleRateHz: 24_000 }));
  });
  for (const text of ['some words '.repeat(1000), `${'x'.repeat(3999)}👩${'y'.repeat(5000)}`]) {
    const before = server.requests.length;
    await speech(voice, text);
    const inputs = server.requests.slice(before).map((request) => speechBody(request).input);
    assert.ok(inputs.length > 1 && inputs.every((input) => input.length <= 4000 && input.isWellFormed()));
    assert.equal(inputs.join(''), text);
  }
});

const sends =
  (type: string, body: string | Uint8Array): Handler =>
  (_, response) =>
    void response.writeHead(200, { 'content-type': type }).end(body);

function wavWith(patch: (view: DataView) => void): Uint8Array {
  const wav = writeWav({ samples: new Int16Array(400), sampleRateHz: 24_000 });
  patch(new DataView(wav.buffer));
  return wav;
}

const faults: { name: string; handle: Handler; expected: RegExp }[] = [
  {
    name: 'an unknown voice',
    handle: (_, response) =>
      sendJson(response, { detail: { error: 'validation_error', message: "Voice 'alloy' not found" } }, 400),
    expected: /HTTP 400: Voice 'alloy' not found/,
  },
  {
    name: 'MP3 with tags',
    handle: sends('audio/mpeg', Buffer.from('ID3\u0004\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000')),
    expected: /it sent MP3.*Set its format to wav/,
  },
  {
    name: 'MP3 without tags',
    handle: sends('audio/mpeg', Buffer.concat([Buffer.of(0xff, 0xfb, 0x90, 0x64), Buffer.alloc(400)])),
    expected: /it sent MP3/,
  },
  {
    name: 'Ogg',
    handle: sends('audio/ogg', Buffer.concat([Buffer.from('OggS'), Buffer.alloc(60)])),
    expected: /it sent Ogg/,
  },
  {
    name: 'JSON',
    handle: (_, response) => sendJson(response, { audio: 'aGVsbG8=' }),
    expected: /text instead of audio: "\{"audio"/,
  },
  {
    name: 'text of no type',
    handle: sends('application/octet-stream', 'Internal error, sorry'),
    expected: /text instead of audio: "Internal error/,
  },
  { name: 'a web page', handle: sends('text/html', '<html>'), expected: /web page/ },
  { name: 'no bytes', handle: sends('audio/wav', ''), expected: /it sent no audio/ },
  {
    name: 'a header without sound',
    handle: sends('audio/wav', writeWav({ samples: new Int16Array(0), sampleRateHz: 24_000 })),
    expected: /it sent no audio/,
  },
  {
    name: 'a rate of nothing',
    handle: sends(
      'audio/wav',
      wavWith((view) => view.setUint32(24, 0, true)),
    ),
    expected: /sample rate of 0 Hz/,
  },
  {
    name: 'an unknown kind of WAV',
    handle: sends(
      'audio/wav',
      wavWith((view) => view.setUint16(20, 85, true)),
    ),
    expected: /cannot be read: .*format 85/,
  },
  { name: 'half a header', handle: sends('audio/wav', wavWith(() => {}).subarray(0, 30)), expected: /cannot be read/ },
  {
    name: 'a header that never ends',
    handle: sends(
      'audio/wav',
      Buffer.concat([Buffer.from('RIFF____WAVEjunk'), Buffer.of(0, 0, 0, 0x7f), Buffer.alloc(300_000)]),
    ),
    expected: /a WAV file without samples/,
  },
];
for (const { name, handle, expected } of faults) {
  test(`the error is readable: ${name}`, async (t) => {
    const { voice } = await serverAndVoice(t, handle);
    await assert.rejects(speech(voice, 'Hello.'), (error) => {
      assert.ok(error instanceof EngineError);
      assert.match(error.message, expected);
      return true;
    });
  });
}
