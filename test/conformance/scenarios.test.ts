/**
 * Plays each file of `scenarios/` against a server, in the dialects that it names. The files state the fields that
 * matter, from facts about the hosted service; docs/testing.md describes the format.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import {
  type Answer,
  type JsonObject,
  type Line,
  parseRecording,
  type Recording,
} from '../../dev/recordings/format.ts';
import { play } from '../../dev/recordings/play.ts';
import type { ModelEvent } from '../../src/session/ports/language-model.ts';
import { call, fakeEngines, hang, say } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';
import { fromBeta, isInBeta, toBeta } from './beta-scenarios.ts';

/** For an event that does not arrive. */
const timeout = 30_000;

const folder = new URL('scenarios/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));

for (const file of files) {
  const recording = parseRecording(readFileSync(new URL(file, folder), 'utf8'), file);
  const { about, dialects } = recording.header ?? assert.fail(`${file} has no header`);
  for (const dialect of dialects) {
    test(`${about} (${dialect}, ${file})`, { timeout }, async (t) => {
      assert.deepEqual(await playScenario(t, recording, dialect), []);
    });
  }
}

test('a scenario with different events fails with the event and the field', async (t) => {
  const recording = parseRecording(readFileSync(new URL('text-turn.jsonl', folder), 'utf8'), 'text-turn.jsonl');
  const lines = recording.lines.flatMap((line): Line[] => {
    if (!('server' in line)) return [line];
    if (line.server.type === 'response.content_part.done') return [];
    if (line.server.type !== 'response.done') return [line];
    return [{ server: { type: 'response.done', response: { status_details: { type: 'completed' } } } }];
  });
  assert.deepEqual(await playScenario(t, { ...recording, lines }, 'ga'), [
    '+ response.content_part.done',
    '~ response.done response.status_details: recorded {"type":"completed"}, played null',
  ]);
});

async function playScenario(t: TestContext, { header, lines }: Recording, dialect: 'ga' | 'beta'): Promise<string[]> {
  const answers = [...(header?.answers ?? [])];
  const engines = fakeEngines();
  engines.languageModel.script = ({ signal }) => answered(answers.shift(), signal);
  const { wsUrl } = await newServer(t, { engines: fakeEngineSet(engines) });
  const isBeta = dialect === 'beta';
  const headers: Record<string, string> = isBeta ? { 'OpenAI-Beta': 'realtime=v1' } : {};
  const client = new WireClient(`${wsUrl}?${header?.query}`, { headers });
  const wire = {
    send: (event: JsonObject) => client.send(isBeta ? toBeta(event) : event),
    next: async () => {
      const event: JsonObject = { ...(await client.next()) };
      return isBeta ? fromBeta(event) : event;
    },
  };
  const known = isBeta ? lines.filter((line) => !('server' in line) || isInBeta(line.server)) : lines;
  return play({ header, lines: known }, wire, { whole: false });
}

function answered(answer: Answer | undefined, signal: AbortSignal): Iterable<ModelEvent> | AsyncIterable<ModelEvent> {
  if (answer === undefined) throw new Error('The scenario has no further answer.');
  if (typeof answer === 'string') return say(answer);
  if ('call' in answer) return call(answer.call, answer.with);
  if ('fails' in answer) throw new Error(answer.fails);
  return hang(signal, ...say(answer.hangs).slice(0, -1));
}
