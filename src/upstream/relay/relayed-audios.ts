import type { AudioClip } from '../../audio/audio-clip.ts';
import type { ClientEventOf } from '../../protocol/wire/client-events.ts';
import type { ServerEvent, ServerEventOf } from '../../protocol/wire/server-events.ts';
import type { AudioFormat, TurnDetection } from '../../protocol/wire/session-config.ts';
import type { Peer } from '../../session/ports/peer.ts';
import { carriesAudio, RelayedAudio } from './relayed-audio.ts';

export interface RelayedAudiosOptions {
  /** Output that may wait to be played, for each peer. */
  limitMs: number;
  /** Called with what is wrong where some cannot be played. */
  odd: (problem: string) => void;
}

/** The audio of those peers of a relayed session that carry it themselves. */
export class RelayedAudios {
  readonly #options: RelayedAudiosOptions;
  /** In the order in which they were attached: the first counts. */
  readonly #all = new Map<Peer, RelayedAudio>();

  constructor(options: RelayedAudiosOptions) {
    this.#options = options;
  }

  /** When what the first peer has will have been played, on the Clock; 0 without one. */
  get endsAt(): number {
    const [first] = this.#all.values();
    return first?.endsAt ?? 0;
  }

  add(peer: Peer): void {
    if (carriesAudio(peer)) this.#all.set(peer, new RelayedAudio(peer, this.#options.limitMs));
  }

  remove(peer: Peer): void {
    this.#all.get(peer)?.close();
    this.#all.delete(peer);
  }

  close(): void {
    for (const peer of [...this.#all.keys()]) this.remove(peer);
  }

  /** The text of an append with audio of a peer; as `RelayedAudio.encode`. */
  encode(audio: AudioClip, from: Peer, format: AudioFormat): string | Promise<string> {
    return this.#all.get(from)?.encode(audio, format) ?? '';
  }

  play(event: ServerEventOf<'response.output_audio.delta'>, format: AudioFormat): void {
    for (const audio of this.#all.values()) audio.play(event, format, this.#options.odd);
  }

  /**
   * Stops playback where an event says so. When the user speaks, the upstream does not know how much was played: what is
   * returned then tells it.
   */
  received(
    event: ServerEvent,
    detection: TurnDetection | null,
  ): ClientEventOf<'conversation.item.truncate'> | undefined {
    if (event.type === 'conversation.item.truncated') {
      for (const audio of this.#all.values()) if (audio.isPlaying(event.item_id)) audio.interrupt();
    }
    if (event.type !== 'input_audio_buffer.speech_started' || !detection?.interrupt_response) return undefined;
    const [stopped] = [...this.#all.values()].map((audio) => audio.interrupt());
    return (
      stopped && {
        type: 'conversation.item.truncate',
        item_id: stopped.itemId,
        content_index: stopped.contentIndex,
        audio_end_ms: Math.floor(stopped.playedMs),
      }
    );
  }
}
