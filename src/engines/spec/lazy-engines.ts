import { audioRequestEngines } from '../../session/ports/engines.ts';
import type { EngineStatus } from './engine-group.ts';
import type { EngineSetSpec } from './engine-spec.ts';
import { type EngineSet, maker, openEngines } from './registry.ts';

/**
 * A set that is created on first use, for a server whose sessions are all relayed. It is `ready` until then; its
 * engines are `idle` until they have loaded.
 */
export function lazyEngines(spec: EngineSetSpec, make: () => EngineSet): EngineSet {
  const idle = audioRequestEngines.map(
    (part): EngineStatus => ({ part, name: maker(part, spec[part]).name, state: 'idle' }),
  );
  let made: EngineSet | undefined;
  const now = () => {
    made ??= make();
    return made;
  };
  return {
    get engines() {
      return now().engines;
    },
    enginesFor: (model) => now().enginesFor?.(model) ?? now().engines,
    openSession: (context) => openEngines(now(), context),
    get ready() {
      return made?.ready ?? Promise.resolve();
    },
    describe() {
      if (made === undefined) return idle;
      // A server that only relays can take a turn regardless of its engines.
      return made
        .describe()
        .filter(({ part }) => audioRequestEngines.some((asked) => asked === part))
        .map((status) => (status.state === 'ready' ? status : { ...status, state: 'idle' }));
    },
    close: async () => made?.close(),
  };
}
