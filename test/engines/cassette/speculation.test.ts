/** Speculative requests are recorded on a cassette only if they are adopted. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { createResampler } from '../../../src/audio/resample.ts';
import { playedEngines } from '../../../src/engines/cassette/played-engines.ts';
import { readCassettes } from '../../../src/engines/cassette/read-cassette.ts';
import { recordedEngines } from '../../../src/engines/cassette/recorded-engines.ts';
import { settle } from '../../support/fake-clock.ts';
import { fakeEngines, say } from '../../support/fake-engines.ts';
import { expectedTurn, type Parts, traceOf } from '../../support/responses.ts';
import { fakeSet, partsOn } from '../script/scripted.ts';
import { newDirectory } from './recorded.ts';

// Loads WebAssembly before the test, because a fake clock cannot wait for it.
(await createResampler(16000, 24000)).free();

type Speculate = (parts: Parts, question: string) => void;

const drop: Speculate = ({ responses }) => void responses.speculate(expectedTurn('And what else?'));
const adopt: Speculate = ({ responses }, question) => void responses.speculate(expectedTurn(question));

type Modality = 'audio' | 'text';

async function converse(parts: Parts, speculate: Speculate, modality: Modality) {
  parts.configure({ output_modalities: [modality] });
  for (const question of ['How are you?', 'And now?']) {
    speculate(parts, question);
    await parts.clock.advance(10_000);
    parts.say(question);
    await parts.answer();
  }
  return traceOf(parts);
}

/** The cassette of a conversation, and the events of its client. */
async function record(t: TestContext, speculate: Speculate, modality: Modality = 'audio') {
  const directory = newDirectory(t);
  const engines = fakeEngines();
  engines.languageModel.script = ({ items }) => say(`Fine, ${items.length}. And you?`);
  const set = recordedEngines(fakeSet(engines), { directory, maxBytes: 64 * 1024 ** 2, version: '1.2.3' });
  const parts = partsOn(set);
  const trace = await converse(parts, speculate, modality);
  parts.close();
  await set.close();
  const [cassette] = readCassettes(directory);
  assert.ok(cassette);
  const files = readdirSync(cassette.folder).sort();
  return { directory, trace, files, cassette, asked: engines.languageModel.requests.length };
}

/** Without its times. */
function requestsOf({ cassette }: Awaited<ReturnType<typeof record>>) {
  const untimed = <T extends { atMs: number }>({ atMs: _atMs, ...rest }: T) => rest;
  return cassette.requests.map(({ answers, end, ...request }) => ({
    ...untimed(request),
    answers: answers.map(untimed),
    end: untimed(end),
  }));
}

test('requests of a dropped generation are not recorded', async (t) => {
  const [plain, dropped] = [await record(t, () => {}), await record(t, drop)];
  assert.equal(dropped.asked, 4);
  assert.deepEqual(requestsOf(dropped), requestsOf(plain));
  assert.deepEqual(dropped.files, plain.files);
  assert.equal(dropped.cassette.manifest.requests, plain.cassette.manifest.requests);
});

test('requests of an adopted generation are recorded with their original times', async (t) => {
  const [plain, adopted] = [await record(t, () => {}), await record(t, adopt)];
  assert.equal(adopted.asked, 2);
  assert.deepEqual(requestsOf(adopted), requestsOf(plain));
  assert.deepEqual(adopted.files, plain.files);
  const [asked] = adopted.cassette.requests;
  assert.deepEqual([asked?.atMs, plain.cassette.requests[0]?.atMs], [0, 10_000]);
});

test('a session that ends before adoption records nothing of the generation', async (t) => {
  const directory = newDirectory(t);
  const set = recordedEngines(fakeSet(), { directory, maxBytes: 1024 ** 2, version: '1.2.3' });
  const parts = partsOn(set);
  parts.responses.speculate(expectedTurn('Hello.'));
  await settle();
  parts.close();
  await set.close();
  const [cassette] = readCassettes(directory);
  assert.deepEqual([cassette?.requests, cassette?.manifest.requests], [[], 0]);
});

for (const [how, speculate] of Object.entries({ drop, adopt })) {
  test(`a session with speculation replays a cassette like one without: ${how}`, async (t) => {
    // In text, because audio is read from files, which a fake clock cannot wait for.
    const { directory, trace } = await record(t, () => {}, 'text');
    const set = playedEngines(readCassettes(directory), {
      timing: 'instant',
      audio: 'exact',
      create: () => fakeSet(),
    });
    assert.deepEqual(await converse(partsOn(set), speculate, 'text'), trace);
  });
}
