import type { SessionType } from '../protocol/session-config.ts';
import type { Clock, CloseReason } from '../session/ports.ts';
import type { Session } from '../session/session.ts';

/** Makes the session that a new client talks to. */
export type SessionFactory = (options: { type: SessionType; model: string }) => Session;

/** The sessions that live on this server: how many there may be, and how they end together. */
export class SessionRegistry {
  readonly #create: SessionFactory;
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #sessions = new Set<Session>();
  #draining = false;

  constructor(options: { create: SessionFactory; limit: number; clock: Clock }) {
    this.#create = options.create;
    this.#limit = options.limit;
    this.#clock = options.clock;
  }

  get count(): number {
    return this.#sessions.size;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Why no session can be opened now, in words for whoever asked; undefined when one can. */
  get unavailable(): string | undefined {
    if (this.#draining) return 'The server is shutting down and opens no more sessions.';
    if (this.#sessions.size >= this.#limit) {
      return `The server is at its limit of ${this.#limit} sessions. Try again when one has ended.`;
    }
    return undefined;
  }

  open(options: Parameters<SessionFactory>[0]): Session {
    const session = this.#create(options);
    this.#sessions.add(session);
    return session;
  }

  /** To be called when a session's last connection is gone. */
  release(session: Session): void {
    this.#sessions.delete(session);
  }

  /**
   * Opens no more sessions and waits until no response is running, for at most `deadlineMs`.
   * Resolves with whether all were done in time.
   */
  async drain(deadlineMs: number): Promise<boolean> {
    this.#draining = true;
    const { promise: deadline, resolve: expire } = Promise.withResolvers<false>();
    const cancel = this.#clock.after(deadlineMs, () => expire(false));
    const done = Promise.all([...this.#sessions].map((session) => session.drain())).then(() => true);
    const inTime = await Promise.race([done, deadline]);
    cancel();
    return inTime;
  }

  closeAll(reason: CloseReason): void {
    this.#draining = true;
    for (const session of [...this.#sessions]) session.close(reason);
  }
}
