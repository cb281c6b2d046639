import { channel } from 'node:diagnostics_channel';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { SessionType } from '../protocol/wire/session-config.ts';
import { Observers } from '../session/observing/observers.ts';
import type { Observation, SessionObserver } from '../session/ports/observer.ts';
import { logSession } from './session-log.ts';

/** The session that is observed. */
export interface ObservedSession {
  readonly id: string;
  readonly type: SessionType;
  /** Empty for a transcription session, which has none. */
  readonly model: string;
  /** Name of the API key that opened it, if the server has keys. */
  readonly key?: string;
  /** Whether an upstream holds the session. */
  readonly relayed: boolean;
}

/** A message of the diagnostics channel `parley:session`. */
export interface SessionMessage {
  session: ObservedSession;
  observation: Observation;
}

/** Creates an observer for a new session; undefined if the session is not to be observed. */
export type ObserveSession = (session: ObservedSession) => SessionObserver | undefined;

export interface SessionObserversOptions {
  session: ObservedSession;
  /** Adds the session's id to every entry. */
  log: Log;
  clock: Clock;
  /** Observers passed with the request to open the session. */
  observers: readonly SessionObserver[];
  observe: ObserveSession | undefined;
}

const sessions = channel('parley:session');

/** The log, the observers of the request, the diagnostics channel, and the embedder's observer. */
export function sessionObservers({ session, log, clock, observers, observe }: SessionObserversOptions): Observers {
  const failed = (error: unknown) => log.error('observer_failed', { error });
  const all = [logSession(log), ...observers, publishing(session)];
  try {
    const own = observe?.(session);
    if (own) all.push(own);
  } catch (error) {
    failed(error);
  }
  return new Observers({ clock, observers: all, failed, relayed: session.relayed });
}

/** Node.js rethrows exceptions of subscribers as uncaught exceptions, which cannot be caught here. */
function publishing(session: ObservedSession): SessionObserver {
  return {
    observe(observation) {
      if (sessions.hasSubscribers) sessions.publish({ session, observation } satisfies SessionMessage);
    },
  };
}
