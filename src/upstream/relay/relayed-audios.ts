import type { AudioClip } from '../../audio/audio-clip.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { ClientEventOf } from '../../protocol/wire/client-events.ts';
import type { ServerEvent, ServerEventOf, UnsentEvent } from '../../protocol/wire/server-events.ts';
import type { AudioFormat, TurnDetection } from '../../protocol/wire/session-config.ts';
import type { Peer } from '../../session/ports/peer.ts';
import type { PlayedPart } from '../../session/ports/playback.ts';
import { OutputBuffer } from '../../session/response/output-buffer.ts';
import { ownEventId } from '../link/upstream-handshake.ts';
import { carriesAudio, RelayedAudio } from './relayed-audio.ts';

export interface RelayedAudiosOptions {
  /** Maximum duration of held output of each peer. */
  limitMs: number;
  /** Called with the problem if some audio cannot be played. */
  odd: (problem: string) => void;
  /** Sends an event to all peers. */
  emit: (event: UnsentEvent) => void;
}

/** An event for the upstream that no client sent. */
export type OwnEvent = ClientEventOf<'conversation.item.truncate' | 'response.cancel'> & { event_id: string };

/**
 * The audio of the peers of a relayed session that carry it themselves, and its `output_audio_buffer.*`: the upstream,
 * which is connected by WebSocket, does not report playback.
 */
export class RelayedAudios {
  readonly #options: RelayedAudiosOptions;
  readonly #buffer: OutputBuffer;
  /** In the order of attachment: the first determines the position. */
  readonly #all = new Map<Peer, RelayedAudio>();
  /** Playback was cut off, which is reported once its response is done. */
  #isCut = false;
  /** The response of the last audio. */
  #responseId: string | undefined;
  /** A response that was cut off: the upstream sends more of its audio until the request arrives. */
  #cutResponseId: string | undefined;

  constructor(options: RelayedAudiosOptions) {
    this.#options = options;
    this.#buffer = new OutputBuffer(options.emit);
  }

  /** When the audio of the first peer will have been played, on the Clock; 0 if there is none. */
  get endsAt(): number {
    return this.#first?.endsAt ?? 0;
  }

  get #first(): RelayedAudio | undefined {
    const [first] = this.#all.values();
    return first;
  }

  add(peer: Peer): void {
    if (!carriesAudio(peer)) return;
    const queued = (responseId: string) => this.#buffer.queued(responseId);
    this.#all.set(peer, new RelayedAudio(peer, { limitMs: this.#options.limitMs, queued }));
    this.#listen();
  }

  remove(peer: Peer): void {
    const audio = this.#all.get(peer);
    if (!audio) return;
    audio.close();
    audio.playback.listener = undefined;
    this.#all.delete(peer);
    this.#listen();
  }

  close(): void {
    for (const peer of [...this.#all.keys()]) this.remove(peer);
  }

  /** The text of an append with audio of a peer; as `RelayedAudio.encode`. */
  encode(audio: AudioClip, from: Peer, format: AudioFormat): string | Promise<string> {
    return this.#all.get(from)?.encode(audio, format) ?? '';
  }

  play(event: ServerEventOf<'response.output_audio.delta'>, format: AudioFormat): void {
    if (event.response_id === this.#cutResponseId) return;
    this.#responseId = event.response_id;
    for (const audio of this.#all.values()) audio.play(event, format, this.#options.odd);
  }

  /** Call before an event is delivered to the peers. */
  delivering(event: ServerEvent): void {
    if (event.type !== 'conversation.item.truncated') return;
    this.#interrupt((audio) => audio.isPlaying(event.item_id));
    this.#reportCut();
  }

  /**
   * Call when an event has been delivered. Stops playback if the user interrupts; the upstream does not know the
   * position, which is returned.
   */
  delivered(event: ServerEvent | UnsentEvent, detection: TurnDetection | null): OwnEvent[] {
    switch (event.type) {
      case 'response.created':
        this.#buffer.responseCreated(event.response.id);
        return [];
      case 'response.done':
        if (event.response.id === this.#buffer.playing) this.#reportCut();
        this.#buffer.responseEnded(event.response.id);
        return [];
      case 'input_audio_buffer.speech_started':
        return detection?.interrupt_response ? this.#cutOff() : [];
      default:
        return [];
    }
  }

  /**
   * Cuts off what is playing or held, together with its response (`output_audio_buffer.clear`).
   * @throws {WireError} when no peer carries audio itself
   */
  clear(): OwnEvent[] {
    if (this.#all.size === 0) throw wireErrors.noOutputBuffer();
    const { speaking } = this.#buffer;
    const cut = this.#cutOff();
    if (speaking === undefined) return cut;
    return [{ type: 'response.cancel', event_id: ownEventId('cancel'), response_id: speaking }, ...cut];
  }

  #cutOff(): OwnEvent[] {
    const at = this.#interrupt(() => true);
    if (!at) return [];
    this.#cutResponseId = this.#responseId;
    if (!this.#buffer.isRunning) this.#reportCut();
    const { itemId: item_id, contentIndex: content_index, playedMs } = at;
    const audio_end_ms = Math.floor(playedMs);
    return [
      { type: 'conversation.item.truncate', event_id: ownEventId('truncate'), item_id, content_index, audio_end_ms },
    ];
  }

  /** Drops audio that has not been played; returns the position of the first peer. */
  #interrupt(isMeant: (audio: RelayedAudio) => boolean): PlayedPart | undefined {
    const [at] = [...this.#all.values()].map((audio) => (isMeant(audio) ? audio.interrupt() : undefined));
    if (at) this.#isCut = true;
    return at;
  }

  #reportCut(): void {
    if (this.#isCut) this.#buffer.cleared();
    this.#isCut = false;
  }

  /** The first peer reports for all. */
  #listen(): void {
    const audio = this.#first;
    if (!audio) return;
    audio.playback.listener = {
      started: (responseId) => {
        this.#reportCut();
        this.#buffer.started(responseId);
      },
      drained: () => {
        if (!audio.isHeld) this.#buffer.drained();
      },
    };
  }
}
