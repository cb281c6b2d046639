import { type WireError, wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { CloseReason } from '../../session/ports/peer.ts';
import type { UpstreamConnection } from '../link/connection.ts';
import type { UpstreamFailure } from '../link/failure.ts';
import type { UpstreamEvent } from '../link/json.ts';
import {
  type OpenedUpstream,
  UpstreamHandshake,
  type UpstreamHandshakeOptions,
  type UpstreamSetup,
} from '../link/upstream-handshake.ts';
import { Retries, relayedClose } from './ending.ts';
import type { UpstreamLog } from './upstream-log.ts';

export interface UpstreamLinkOptions extends Omit<UpstreamHandshakeOptions, 'setup'> {
  log: UpstreamLog;
}

export interface UpstreamLinkListener {
  /** The session is open on the upstream, for the first time or again. */
  opened(upstream: OpenedUpstream): void;
  event(event: UpstreamEvent): void;
  /** The connection was lost and is being replaced. */
  lost(): void;
  /** The configuration and contents of a session that replaces a lost one. */
  setup(): UpstreamSetup;
  /** Whether the upstream has reported the session's expiry. */
  expired(): boolean;
  /** The upstream has ended the session. */
  closed(reason: CloseReason): void;
  /** The upstream is unavailable, and there are no more attempts. */
  unavailable(error: WireError): void;
}

/** The connection of a session to its upstream, which is replaced when it is lost, up to the limit of retries. */
export class UpstreamLink {
  readonly #options: UpstreamLinkOptions;
  readonly #listener: UpstreamLinkListener;
  readonly #retries: Retries;
  #connection: UpstreamConnection | undefined;
  #opening: UpstreamHandshake | undefined;
  #restoring = false;
  #over = false;
  #cancelRetry: () => void = () => {};
  #oddityReported = false;

  /** Connects. `setup`: the events for the first session. */
  constructor(options: UpstreamLinkOptions, setup: UpstreamSetup, listener: UpstreamLinkListener) {
    this.#options = options;
    this.#listener = listener;
    this.#retries = new Retries(options.limits.upstreamRetries);
    this.#open(setup);
  }

  /** The current connection, once the session is open on it. */
  get connection(): UpstreamConnection | undefined {
    return this.#connection;
  }

  close(): void {
    this.#over = true;
    this.#cancelRetry();
    this.#opening?.abort();
    this.#connection?.close({ code: 1000, reason: '' });
  }

  /** Logs a problem with the upstream's messages, once per session. */
  reportOddity(problem: string): void {
    if (this.#oddityReported) return;
    this.#oddityReported = true;
    this.#options.log.warn('upstream_odd', { upstream: this.#options.target.name, problem });
  }

  #open(setup: UpstreamSetup): void {
    this.#opening = new UpstreamHandshake(
      { ...this.#options, setup },
      {
        opened: (upstream) => this.#opened(upstream),
        failed: (failure) => this.#failed(failure),
        oddFrame: (problem) => this.reportOddity(problem),
      },
    );
  }

  #opened(upstream: OpenedUpstream): void {
    const { target, log, clock } = this.#options;
    this.#opening = undefined;
    this.#connection = upstream.connection;
    upstream.connection.listener = {
      event: (event) => this.#listener.event(event),
      oddFrame: (problem) => this.reportOddity(problem),
      closed: (reason) => this.#closed(reason),
      failed: () => {},
    };
    this.#retries.connected(clock.now());
    const about = { upstream: target.name, upstreamSession: upstream.session.id };
    if (this.#restoring) log.info('upstream_restored', { ...about, itemsLost: upstream.refusedItems.length });
    else log.info('upstream_connected', about);
    this.#restoring = false;
    this.#listener.opened(upstream);
  }

  #closed(reason: CloseReason): void {
    const end = relayedClose(reason, this.#listener.expired());
    this.#connection = undefined;
    if (this.#over) return;
    if (end) return this.#listener.closed(end);
    const { target, log, clock } = this.#options;
    this.#restoring = true;
    log.warn('upstream_lost', { upstream: target.name, code: reason.code });
    this.#retries.lost(clock.now());
    this.#listener.lost();
    this.#retry(wireErrors.upstreamUnavailable(target.name, 'broke off the connection'));
  }

  #failed(failure: UpstreamFailure): void {
    const { target, log } = this.#options;
    this.#opening = undefined;
    const about = { upstream: target.name, problem: failure.message };
    const again = this.#restoring && !failure.final ? this.#retries.upcoming() : undefined;
    log.warn(again ? 'upstream_retrying' : 'upstream_failed', { ...about, ...again });
    const error = failure.wireError(target.name);
    if (this.#restoring && !failure.final) this.#retry(error);
    else this.#listener.unavailable(error);
  }

  /** Schedules a retry; `error` is sent to clients if there are no more attempts. */
  #retry(error: WireError): void {
    const delayMs = this.#retries.next();
    if (this.#over) return;
    if (delayMs === undefined) return this.#listener.unavailable(error);
    this.#cancelRetry = this.#options.clock.after(delayMs, () => this.#open(this.#listener.setup()));
  }
}
