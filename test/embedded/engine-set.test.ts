import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEngines } from '../../src/engines/spec/engine-sets.ts';
import type { EngineStatus } from '../../src/engines/spec/registry.ts';
import { hear, say } from '../engines/speech.ts';

test('the embedded set can be used before it is ready, reports its progress, and closes', async (t) => {
  const progress: string[] = [];
  const onProgress = ({ part, name, state }: EngineStatus) => progress.push(`${part} ${name} ${state}`);
  const set = createEngines({}, { transcriberWorkers: 1, voiceWorkers: 1, onProgress });
  t.after(() => set.close());
  assert.deepEqual(
    set.describe().map(({ part, state }) => `${part} ${state}`),
    ['voiceActivity loading', 'transcriber loading', 'languageModel loading', 'voice loading'],
  );
  const { text } = await hear(set.engines.transcriber, await say(set.engines.voice, 'What time is it in London?'));
  assert.match(text, /what time is it/i);
  await set.ready;
  assert.ok(set.describe().every(({ state }) => state === 'ready'));
  for (const engine of ['voiceActivity silero', 'transcriber moonshine', 'voice flite']) {
    assert.ok(progress.indexOf(`${engine} loading`) < progress.indexOf(`${engine} ready`), engine);
  }
});

test('an unknown engine is refused, and the error lists the available names', () => {
  assert.throws(
    () => createEngines({ transcriber: 'whisper' }),
    /There is no transcriber engine named 'whisper'. There are: embedded, moonshine/,
  );
});

test('engines that are closed while they load fail with a message', async () => {
  const set = createEngines({ voice: 'flite' }, { transcriberWorkers: 1 });
  await set.close();
  await assert.rejects(set.ready, /the engine has been closed/);
  await assert.rejects(say(set.engines.voice, 'Hello.'), /Flite voice: the engine has been closed/);
  assert.equal(set.describe().find(({ part }) => part === 'voice')?.state, 'failed');
});
