import type { IdSource } from '../../protocol/wire/ids.ts';
import type { OutgoingEvent, RelayedEvent, UnsentEvent } from '../../protocol/wire/server-events.ts';
import { Watchers } from '../../session/observing/watchers.ts';
import type { Peer } from '../../session/ports/peer.ts';
import type { UpstreamState } from '../mirror/upstream-state.ts';
import { type OwnEvent, RelayedAudios, type RelayedAudiosOptions } from './relayed-audios.ts';

/** The clients of a relayed session, by number. */
export class RelayedPeers {
  readonly #ids: IdSource;
  readonly #numbers = new Map<Peer, number>();
  #added = 0;
  /** The audio of peers that carry it themselves. */
  readonly audio: RelayedAudios;

  readonly watchers = new Watchers();

  constructor(ids: IdSource, audio: Omit<RelayedAudiosOptions, 'emit'>) {
    this.#ids = ids;
    this.audio = new RelayedAudios({ ...audio, emit: (event) => this.emit(event) });
  }

  get count(): number {
    return this.#numbers.size;
  }

  get all(): readonly Peer[] {
    return [...this.#numbers.keys()];
  }

  add(peer: Peer): void {
    this.#numbers.set(peer, ++this.#added);
    this.audio.add(peer);
  }

  remove(peer: Peer): void {
    this.#numbers.delete(peer);
    this.audio.remove(peer);
  }

  clear(): void {
    this.#numbers.clear();
    this.watchers.end();
    this.audio.close();
  }

  /** Undefined if it has left. */
  numberOf(peer: Peer): number | undefined {
    return this.#numbers.get(peer);
  }

  /** Sends an event to the peer with a number, or to all if there is none. */
  deliver(event: OutgoingEvent, to?: number): void {
    for (const [peer, number] of this.#numbers) if (to === undefined || number === to) peer.send(event);
    this.watchers.send(event);
  }

  /** Sends `session.created` to the peers that joined before the upstream had opened the session. */
  deliverOpening(created: OutgoingEvent): void {
    for (const peer of this.#numbers.keys()) if (!peer.sideband) peer.send(created);
    this.watchers.send(created);
  }

  /**
   * As `deliver`, for an event of the upstream: peers that carry audio themselves play it instead. Returns events for
   * the upstream.
   */
  deliverRelayed(
    event: RelayedEvent,
    to: number | undefined,
    relay: Pick<UpstreamState, 'config' | 'formatOf'>,
  ): OwnEvent[] {
    const { known } = event;
    if (known?.type !== 'response.output_audio.delta') {
      if (known) this.audio.delivering(known);
      this.deliver(event, to);
      return known ? this.audio.delivered(known, relay.config.audio.input.turn_detection) : [];
    }
    for (const peer of this.#numbers.keys()) if (!peer.playback && !peer.sideband) peer.send(event);
    this.audio.play(known, relay.formatOf(known.response_id));
    return [];
  }

  /** Sends an event of this server to all. */
  emit(event: UnsentEvent): void {
    this.deliver({ ...event, event_id: this.#ids('event') });
    this.audio.delivered(event, null);
  }

  /** Sends an event of this server to one peer, if it is still attached. */
  sendTo(peer: Peer, event: UnsentEvent): void {
    if (!this.#numbers.has(peer)) return;
    const sent = { ...event, event_id: this.#ids('event') };
    peer.send(sent);
    this.watchers.send(sent);
  }
}
