import type { AudioClip } from '../../audio/audio-clip.ts';
import type { ClientEventOf } from '../../protocol/wire/client-events.ts';
import type { ServerEvent, ServerEventOf } from '../../protocol/wire/server-events.ts';
import type { AudioFormat, TurnDetection } from '../../protocol/wire/session-config.ts';
import type { Peer } from '../../session/ports/peer.ts';
import { carriesAudio, RelayedAudio } from './relayed-audio.ts';

export interface RelayedAudiosOptions {
  /** Maximum duration of held output of each peer. */
  limitMs: number;
  /** Called with the problem if some audio cannot be played. */
  odd: (problem: string) => void;
}

/** The audio of the peers of a relayed session that carry it themselves. */
export class RelayedAudios {
  readonly #options: RelayedAudiosOptions;
  /** In the order of attachment: the first determines the position. */
  readonly #all = new Map<Peer, RelayedAudio>();

  constructor(options: RelayedAudiosOptions) {
    this.#options = options;
  }

  /** When the audio of the first peer will have been played, on the Clock; 0 if there is none. */
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
   * Stops playback if an event requires it. When the user speaks, the upstream does not know the playback position,
   * which is returned.
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
