/** Records and replays sessions. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { playedEngines } from '../../../src/engines/cassette/played-engines.ts';
import { readCassettes } from '../../../src/engines/cassette/read-cassette.ts';
import { recordedEngines } from '../../../src/engines/cassette/recorded-engines.ts';
import type { ServerEventType } from '../../../src/protocol/index.ts';
import type { ToolServers } from '../../../src/session/ports/tool-servers.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type FakeEngines, fakeEngines } from '../../support/fake-engines.ts';
import { fakeSet, openOn, type Scripted } from '../script/scripted.ts';

export interface Recorder {
  directory: string;
  engines: FakeEngines;
  cuts: string[];
  open(servers?: ToolServers): Scripted;
  /** Ends the sessions; resolves when everything is written. */
  finish(): Promise<void>;
}

/** A directory that is removed after the test. */
export function newDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'parley-cassette-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** Records fakes. */
export function newRecorder(t: TestContext, { maxBytes = 64 * 1024 ** 2 } = {}): Recorder {
  const directory = newDirectory(t);
  const engines = fakeEngines();
  const cuts: string[] = [];
  const set = recordedEngines(fakeSet(engines), { directory, maxBytes, version: '1.2.3' });
  const sessions: Scripted[] = [];
  return {
    directory,
    engines,
    cuts,
    open(servers) {
      const opened = openOn(set, new FakeClock(), { cuts, ...(servers && { servers }) });
      sessions.push(opened);
      return opened;
    },
    async finish() {
      for (const { session } of sessions) session.close({ code: 1000, reason: 'done' });
      await Promise.all(sessions.map(({ session }) => session.ended));
      await set.close();
    },
  };
}

type Settings = Partial<Pick<Parameters<typeof playedEngines>[1], 'timing' | 'audio' | 'seed'>>;

/** Engines that replay a directory; everything that they would delegate fails. */
export function player(directory: string, settings: Settings = {}): { open(): Scripted } {
  const silent: FakeEngines = fakeEngines();
  silent.transcriber.hear = () => assert.fail('the transcriber is asked');
  silent.languageModel.script = () => assert.fail('the model is asked');
  const create = () => fakeSet(silent);
  const set = playedEngines(readCassettes(directory), { timing: 'instant', audio: 'exact', ...settings, create });
  return { open: () => openOn(set, new FakeClock(), { servers: unreachable }) };
}

const unreachable: ToolServers = {
  isConfigured: () => assert.fail('the configuration is asked for an MCP server'),
  check: () => assert.fail('an MCP server is checked'),
  open: () => assert.fail('an MCP server is opened'),
};

/** Waits for this number of events of a type. Audio is read from files, which takes an unknown time. */
export async function arrived({ client }: Scripted, type: ServerEventType, count: number): Promise<void> {
  for (let turns = 0; client.all(type).length < count; turns += 1) {
    assert.ok(turns < 200_000, `${count} ${type} were waited for in vain`);
    await nextTurn();
  }
}
