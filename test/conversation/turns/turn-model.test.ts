/** A turn model as a further input of `semantic_vad`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomId } from '../../../src/protocol/wire/ids.ts';
import { Observers } from '../../../src/session/observing/observers.ts';
import type { Observation } from '../../../src/session/ports/observer.ts';
import type { TurnModel } from '../../../src/session/ports/turn-model.ts';
import { RealtimeSession } from '../../../src/session/realtime-session.ts';
import { defaultSessionSettings } from '../../../src/session/settings.ts';
import { Client } from '../../support/conversation.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeEngines } from '../../support/fake-engines.ts';
import { input, quiet, speech } from './support.ts';

/** The silence that ended a turn, with this answer of the model; undefined if it did not end within 5 s. */
async function decidedAfterMs(endOfTurn: TurnModel['endOfTurn']): Promise<number | undefined> {
  const clock = new FakeClock();
  const engines = fakeEngines();
  engines.transcriber.ends = () => 0.7;
  const observed: Observation[] = [];
  const session = new RealtimeSession({
    ...{ model: 'gpt-realtime', engines, clock, ids: randomId, settings: defaultSessionSettings },
    observers: new Observers({ clock, observers: [{ observe: (each) => void observed.push(each) }] }),
    turnModel: { endOfTurn },
  });
  const client = new Client(session);
  await client.say(input({ turn_detection: { type: 'semantic_vad' } }));
  await client.speak(speech(800));
  await client.speak(quiet(5000));
  await clock.advance(2000);
  const decided = observed.find((each) => each.type === 'turn_decided');
  return decided?.type === 'turn_decided' ? decided.silenceMs : undefined;
}

test('its probability shortens or lengthens the silence', async () => {
  const [over, unsure, open] = [
    await decidedAfterMs(async () => 0.98),
    await decidedAfterMs(async () => 0.5),
    await decidedAfterMs(async () => 0.02),
  ];
  assert.ok(over && unsure && open && over < unsure && unsure < open, `${over} < ${unsure} < ${open}`);
});

test('a model that fails or answers late changes nothing', async () => {
  const unsure = await decidedAfterMs(async () => 0.5);
  assert.equal(await decidedAfterMs(() => Promise.reject(new Error('broken'))), unsure);
  assert.equal(await decidedAfterMs(() => new Promise<number>(() => {})), unsure);
});
