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
  /** The name of the API key that it was opened with, where the server has keys. */
  readonly key?: string;
  /** An upstream holds it. */
  readonly relayed: boolean;
}

/** A message of the diagnostics channel `parley:session`. */
export interface SessionMessage {
  session: ObservedSession;
  observation: Observation;
}

/** Makes an observer of a session that opens; undefined for a session that need not be observed. */
export type ObserveSession = (session: ObservedSession) => SessionObserver | undefined;

export interface SessionObserversOptions {
  session: ObservedSession;
  /** With the session's id in every entry. */
  log: Log;
  clock: Clock;
  /** Observers that whoever opens the session brings. */
  observers: readonly SessionObserver[];
  observe: ObserveSession | undefined;
}

const sessions = channel('parley:session');

/** The log, the observers that whoever opens the session brings, the diagnostics channel, and the embedder's observer. */
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

/** Node.js rethrows what a subscriber of the channel throws as an uncaught exception, which nothing here can catch. */
function publishing(session: ObservedSession): SessionObserver {
  return {
    observe(observation) {
      if (sessions.hasSubscribers) sessions.publish({ session, observation } satisfies SessionMessage);
    },
  };
}
