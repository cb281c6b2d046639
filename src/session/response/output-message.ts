import type { AssistantMessage } from '../../protocol/wire/items.ts';
import type { ContentPart, UnsentEvent } from '../../protocol/wire/server-events.ts';
import type { AudioFormat } from '../../protocol/wire/session-config.ts';
import { SpokenAudio } from '../conversation/spoken-audio.ts';
import { encodeAudio } from '../conversation/wire-audio.ts';
import type { WordTiming } from '../ports/voice.ts';

export interface OutputMessageOptions {
  item: AssistantMessage;
  outputIndex: number;
  responseId: string;
  format: AudioFormat;
  /** Where the audio of its parts is noted, by content index. */
  spoken: Map<number, SpokenAudio>;
  emit(event: UnsentEvent): void;
}

interface Part {
  contentIndex: number;
  text: string;
  /** Absent in a text part. */
  spoken?: SpokenAudio;
}

/** An assistant's message on its way out: opens its part with the first words, and tells what is added to it. */
export class OutputMessage {
  readonly item: AssistantMessage;
  readonly outputIndex: number;
  readonly #options: OutputMessageOptions;
  #part: Part | undefined;

  constructor(options: OutputMessageOptions) {
    this.#options = options;
    this.item = options.item;
    this.outputIndex = options.outputIndex;
  }

  sendText(delta: string): void {
    const part = this.#open(false);
    part.text += delta;
    this.item.content[part.contentIndex] = { type: 'output_text', text: part.text };
    this.#options.emit({ type: 'response.output_text.delta', ...this.#at(part), delta });
  }

  /** The words of a clause, ahead of its audio. */
  sendClause(delta: string): void {
    this.#sendTranscript(delta, (spoken) => spoken.beginClause(delta));
  }

  /** The next words of someone who goes on speaking: their audio comes with what follows. */
  sendWords(delta: string): void {
    this.#sendTranscript(delta, (spoken) => spoken.addWords(delta));
  }

  #sendTranscript(delta: string, note: (spoken: SpokenAudio) => void): void {
    const part = this.#open(true);
    part.text += delta;
    if (part.spoken) note(part.spoken);
    const transcript = part.spoken?.transcript ?? part.text;
    this.item.content[part.contentIndex] = { type: 'output_audio', transcript };
    this.#options.emit({ type: 'response.output_audio_transcript.delta', ...this.#at(part), delta });
  }

  /** Audio of the words that were sent last, at the format's rate; returns the audio that it belongs to. */
  sendAudio(samples: Int16Array, words: readonly WordTiming[] | undefined): SpokenAudio | undefined {
    const part = this.#open(true);
    part.spoken?.append(samples, words);
    const delta = encodeAudio(samples, this.#options.format);
    this.#options.emit({ type: 'response.output_audio.delta', ...this.#at(part), delta });
    return part.spoken;
  }

  /** Closes its part. `whole`: nothing of it was cut off. */
  end(whole: boolean): void {
    const part = this.#part;
    if (!part) return;
    const at = this.#at(part);
    const { emit } = this.#options;
    if (part.spoken) {
      if (whole) part.spoken.endClause();
      emit({ type: 'response.output_audio.done', ...at });
      emit({ type: 'response.output_audio_transcript.done', ...at, transcript: part.text });
    } else {
      emit({ type: 'response.output_text.done', ...at, text: part.text });
    }
    emit({ type: 'response.content_part.done', ...at, part: wirePart(part) });
  }

  #open(audio: boolean): Part {
    if (this.#part) return this.#part;
    const part: Part = { contentIndex: this.item.content.length, text: '' };
    if (audio) {
      part.spoken = new SpokenAudio(this.#options.format);
      this.#options.spoken.set(part.contentIndex, part.spoken);
      this.item.content.push({ type: 'output_audio', transcript: '' });
    } else {
      this.item.content.push({ type: 'output_text', text: '' });
    }
    this.#part = part;
    this.#options.emit({ type: 'response.content_part.added', ...this.#at(part), part: wirePart(part) });
    return part;
  }

  #at(part: Part) {
    return {
      response_id: this.#options.responseId,
      item_id: this.item.id,
      output_index: this.outputIndex,
      content_index: part.contentIndex,
    };
  }
}

function wirePart(part: Part): ContentPart {
  return part.spoken ? { type: 'audio', transcript: part.text } : { type: 'text', text: part.text };
}
