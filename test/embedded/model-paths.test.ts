import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import { packageFile } from '../../src/engines/embedded/package-file.ts';
import { createEngines } from '../../src/engines/spec/engine-sets.ts';
import { hear, noise, plainWords, say, silence } from '../engines/speech.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-models-'));
after(() => rmSync(folder, { recursive: true }));

const sileroV6 = packageFile('@ricky0123/vad-web', './silero_vad_v6.onnx');
const moonshineTiny = dirname(packageFile('@moonshine-ai/moonshine-js', './model/tiny/quantized/encoder_model.onnx'));

test('Silero v6 from a path distinguishes speech from noise', async (t) => {
  const set = createEngines({ voiceActivity: `silero:${sileroV6}` }, { transcriberWorkers: 1, voiceWorkers: 1 });
  t.after(() => set.close());
  await set.ready;
  const { samples } = await say(set.engines.voice, 'What time is it in London?');
  const share = async (audio: Int16Array) => {
    const stream = set.engines.voiceActivity.open({ sampleRateHz: 16_000 });
    const frames = (await stream.push(audio)) ?? [];
    stream.close();
    return frames.filter(({ probability }) => probability > 0.5).length / frames.length;
  };
  assert.ok((await share(samples)) > 0.6);
  assert.ok((await share(noise(2000, 500))) < 0.05);
});

test('a Moonshine model from a folder transcribes', async (t) => {
  symlinkSync(moonshineTiny, join(folder, 'onnx'));
  const set = createEngines({ transcriber: `moonshine:${folder}` }, { transcriberWorkers: 1, voiceWorkers: 1 });
  t.after(() => set.close());
  const { samples } = await say(set.engines.voice, 'Please open the window.');
  const clip = { samples: concatSamples([silence(300), samples, silence(200)]), sampleRateHz: 16_000 };
  const { text } = await hear(set.engines.transcriber, clip);
  assert.deepEqual(plainWords(text), ['please', 'open', 'the', 'window']);
  assert.equal(set.describe().find(({ part }) => part === 'transcriber')?.name, `moonshine:${folder}`);
});

test('a path without such a model is reported when it is loaded', async (t) => {
  const notSilero = join(folder, 'encoder.onnx');
  copyFileSync(join(moonshineTiny, 'encoder_model.onnx'), notSilero);
  const garbage = join(folder, 'garbage.onnx');
  writeFileSync(garbage, 'not a model');
  const faults = [
    [{ voiceActivity: 'silero:/nowhere/v6.onnx' }, /Silero voice activity: .*\/nowhere\/v6\.onnx is missing/],
    [{ voiceActivity: `silero:${notSilero}` }, /is not a Silero model of version 5 or 6/],
    [{ voiceActivity: `silero:${garbage}` }, /Silero voice activity: /],
    [{ transcriber: 'moonshine:/nowhere' }, /Moonshine transcriber: .*\/nowhere\/encoder_model\.onnx is missing/],
  ] as const;
  for (const [names, told] of faults) {
    const set = createEngines(names, { transcriberWorkers: 1, voiceWorkers: 1 });
    t.after(() => set.close());
    await assert.rejects(set.ready, told);
  }
});
