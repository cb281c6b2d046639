import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../core/errors.ts';
import {
  type EngineSet,
  openEngines,
  type SessionContext,
  type SessionEngines,
  withSessions,
} from '../spec/registry.ts';
import { CassetteError, formatVersion, type Manifest } from './format.ts';
import { recordedTraits } from './recorded-kinds.ts';
import { SessionRecorder } from './session-recorder.ts';
import { SessionWriter } from './session-writer.ts';

export interface RecordedEnginesOptions {
  /** The parent of the sessions' folders; see `cassetteDirectory`. */
  directory: string;
  /** Maximum size of the recording of a session. */
  maxBytes: number;
  /** The version of Parley. */
  version: string;
}

/**
 * Creates the directory for cassettes.
 * @throws {CassetteError} when it is not writable
 */
export function cassetteDirectory(path: string): string {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.W_OK);
    return path;
  } catch (error) {
    const detail = messageOf(error);
    throw new CassetteError(`Cassettes cannot be written to ${path}: ${detail}`);
  }
}

/**
 * The same engines, recording each session's requests and answers. Keys are not recorded, because engines do not get
 * any.
 */
export function recordedEngines(set: EngineSet, options: RecordedEnginesOptions): EngineSet {
  const { directory, maxBytes, version } = options;
  const closing = new Set<Promise<void>>();
  const openSession = (context: SessionContext, number: number): SessionEngines => {
    const { clock, type, model, cassetteCut } = context;
    const own = openEngines(set, context);
    const startedAt = new Date(clock.epochMs()).toISOString();
    const folder = join(directory, `${startedAt.replaceAll(/[:.]/g, '-')}-${String(number).padStart(4, '0')}`);
    const manifest: Manifest = {
      cassette: formatVersion,
      version,
      node: process.versions.node,
      startedAt,
      type,
      model: model.slice(0, 256),
      engines: Object.fromEntries(set.describe().map(({ part, name }) => [part, withoutUserInfo(name)])),
      ...recordedTraits(own.engines),
    };
    const onCut = (reason: string) => cassetteCut({ folder, reason });
    const writer = new SessionWriter({ folder, manifest, maxBytes, onCut });
    const recorder = new SessionRecorder(own.engines, writer, clock);
    return {
      ...own,
      recorded: true,
      engines: recorder.engines,
      tools(open) {
        const runner = own.tools ? own.tools(open) : open();
        return runner && recorder.tools(runner);
      },
      toolServers: (servers) => recorder.servers(servers),
      close() {
        own.close?.();
        recorder.end();
        const endedAt = new Date(clock.epochMs()).toISOString();
        const closed = writer.close({ endedAt, requests: recorder.requests }).finally(() => closing.delete(closed));
        closing.add(closed);
      },
    };
  };
  return Object.assign(withSessions(set, openSession), {
    async close() {
      await Promise.all(closing);
      await set.close();
    },
  });
}

/** An engine's name may be a URL. */
function withoutUserInfo(name: string): string {
  return name.replace(/\/\/[^/@]*@/g, '//').replace(/\?[^#]*/, '');
}
