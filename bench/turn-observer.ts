/** Takes the times of a turn from the events that a caller receives. */

import { bytesToSamples, durationMs } from '../src/audio/pcm.ts';
import type { ServerEvent } from '../src/protocol/server-events.ts';
import { amplitude, wireRateHz } from './recording.ts';

/** The times of one turn, in milliseconds. All but two count from the arrival of `speech_stopped`. */
export interface TurnTimes {
  transcriptMs: number;
  /** First words of the answer: the language model has begun. */
  wordsMs: number;
  /** First audio of the answer has arrived. */
  audioMs: number;
  /** First sample of it above −50 dBFS, when played as it arrives. */
  heardMs: number;
  /** From sending the append that ended the turn to the arrival of the first audio. */
  appendToAudioMs: number;
  /** From sending the end of the caller's voice to `heardMs`, where the turn ended with the recording. */
  voiceToHeardMs: number | undefined;
}

const audibleAmplitude = amplitude(-50);

interface Turn {
  itemId: string;
  stoppedAt: number;
  endAppendAt: number;
  voiceEndAt: number | undefined;
  transcriptAt?: number;
  wordsAt?: number;
  audioAt?: number;
  /** Audio of the answer that was below the level. */
  quietMs: number;
}

export interface TurnObserverOptions {
  /** When the chunk that ends at or behind a position of the session's audio was sent. */
  sentAt(positionMs: number): number;
  /** Where the voice of the recording that is being sent ends, on the same timeline. */
  voiceEnd(): number;
  onTurn(times: TurnTimes): void;
}

export class TurnObserver {
  readonly #options: TurnObserverOptions;
  #turn: Turn | undefined;

  constructor(options: TurnObserverOptions) {
    this.#options = options;
  }

  receive(event: ServerEvent, now: number): void {
    if (event.type === 'input_audio_buffer.speech_started') this.#turn = undefined;
    if (event.type === 'input_audio_buffer.speech_stopped') this.#begin(event.item_id, event.audio_end_ms, now);
    const turn = this.#turn;
    if (!turn) return;
    switch (event.type) {
      case 'conversation.item.input_audio_transcription.completed':
        if (event.item_id === turn.itemId) turn.transcriptAt = now;
        break;
      case 'response.output_audio_transcript.delta':
        turn.wordsAt ??= now;
        break;
      case 'response.output_audio.delta':
        this.#audio(turn, bytesToSamples(Buffer.from(event.delta, 'base64')), now);
        break;
    }
  }

  #begin(itemId: string, audioEndMs: number, now: number): void {
    const voiceEnd = this.#options.voiceEnd();
    this.#turn = {
      itemId,
      stoppedAt: now,
      endAppendAt: this.#options.sentAt(audioEndMs),
      voiceEndAt: audioEndMs > voiceEnd ? this.#options.sentAt(voiceEnd) : undefined,
      quietMs: 0,
    };
  }

  #audio(turn: Turn, samples: Int16Array, now: number): void {
    turn.audioAt ??= now;
    const first = samples.findIndex((sample) => Math.abs(sample) > audibleAmplitude);
    turn.quietMs += durationMs(first < 0 ? samples.length : first, wireRateHz);
    if (first < 0) return;
    this.#turn = undefined;
    const { stoppedAt, endAppendAt, voiceEndAt, audioAt, quietMs } = turn;
    const heardAt = Math.max(now, audioAt + quietMs);
    this.#options.onTurn({
      transcriptMs: (turn.transcriptAt ?? Number.NaN) - stoppedAt,
      wordsMs: (turn.wordsAt ?? Number.NaN) - stoppedAt,
      audioMs: audioAt - stoppedAt,
      heardMs: heardAt - stoppedAt,
      appendToAudioMs: audioAt - endAppendAt,
      voiceToHeardMs: voiceEndAt === undefined ? undefined : heardAt - voiceEndAt,
    });
  }
}
