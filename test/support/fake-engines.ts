import type { AudioClip } from '../../src/audio/audio-clip.ts';
import { rmsDbfs } from '../../src/audio/pcm.ts';
import type { Engines } from '../../src/session/ports/engines.ts';
import type { LanguageModel, ModelEvent, ModelRequest } from '../../src/session/ports/language-model.ts';
import type { TranscribeOptions, Transcriber, TranscriptEvent } from '../../src/session/ports/transcriber.ts';
import type { SpeechChunk, Voice } from '../../src/session/ports/voice.ts';
import {
  quietestDb,
  type VoiceActivityDetector,
  type VoiceActivityStream,
  type VoiceFrame,
} from '../../src/session/ports/voice-activity.ts';

/** Loud frames of 32 ms count as speech, with the pitch of `tone`. */
export const loudnessDetector: VoiceActivityDetector = {
  open({ sampleRateHz }): VoiceActivityStream {
    const frameMs = 32;
    const frameSamples = (sampleRateHz * frameMs) / 1000;
    let rest: number[] = [];
    return {
      frameMs,
      async push(samples) {
        rest = rest.concat(Array.from(samples));
        const frames: VoiceFrame[] = [];
        while (rest.length >= frameSamples) {
          const frame = Int16Array.from(rest.splice(0, frameSamples));
          const energyDb = Math.max(quietestDb, rmsDbfs(frame));
          const isLoud = frame.some((sample) => Math.abs(sample) > 1000);
          frames.push({ probability: isLoud ? 0.95 : 0.02, energyDb, pitchHz: isLoud ? 200 : 0 });
        }
        return frames;
      },
      close() {},
    };
  },
};

/** Transcribes a clip to the text that `hear` returns, word by word. */
export class FakeTranscriber implements Transcriber {
  readonly clips: AudioClip[] = [];
  hear: (clip: AudioClip, options: TranscribeOptions) => string | Promise<string> = () => 'hello there';
  /** The probability that a sentence ends with a text. */
  ends: ((text: string) => number) | undefined;

  async *transcribe(clip: AudioClip, options: TranscribeOptions): AsyncGenerator<TranscriptEvent> {
    this.clips.push(clip);
    const text = await this.hear(clip, options);
    for (const word of text.match(/\s*\S+/g) ?? []) yield { type: 'delta', text: word };
    yield { type: 'done', text, ...(this.ends && { endOfSentence: this.ends(text) }) };
  }
}

type Script = (request: ModelRequest) => AsyncIterable<ModelEvent> | Iterable<ModelEvent>;

/** Answers with the result of `script`; records its requests. */
export class FakeModel implements LanguageModel {
  hearsAudio = false;
  speaks = false;
  readonly requests: ModelRequest[] = [];
  script: Script = () => say('Fine, thank you. And you?');

  async *generate(request: ModelRequest): AsyncGenerator<ModelEvent> {
    this.requests.push(request);
    yield* this.script(request);
  }
}

/** The events of a plain answer, word by word. */
export function say(text: string): ModelEvent[] {
  const words = text.match(/\s*\S+/g) ?? [];
  return [...words.map((word): ModelEvent => ({ type: 'text', text: word })), { type: 'finish', reason: 'stop' }];
}

/** The events of an answer with the model's own audio, word by word: the text, then `msPerWord` of tone. */
export function sayAloud(text: string, { msPerWord = 250, sampleRateHz = 24000 } = {}): ModelEvent[] {
  const words = text.match(/\s*\S+/g) ?? [];
  const sound = (ms: number, transcript: string): ModelEvent => ({
    type: 'audio',
    samples: tone(ms, sampleRateHz),
    sampleRateHz,
    transcript,
  });
  return [...words.flatMap((word) => [sound(0, word), sound(msPerWord, '')]), { type: 'finish', reason: 'stop' }];
}

/** A model that calls a function, and then says its result. */
export function saysResultOf(name: string, args: object): (request: ModelRequest) => ModelEvent[] {
  return ({ items }) => {
    const last = items.at(-1);
    return last?.type === 'call_output' ? say(`It says: ${last.output}`) : call(name, args);
  };
}

/** The events of one function call. */
export function call(name: string, args: object): ModelEvent[] {
  const whole = JSON.stringify(args);
  const half = Math.ceil(whole.length / 2);
  return [
    { type: 'call', name },
    { type: 'call_arguments', delta: whole.slice(0, half) },
    { type: 'call_arguments', delta: whole.slice(half) },
    { type: 'call_end' },
    { type: 'finish', reason: 'stop' },
  ];
}

/** A promise that a test resolves to let an engine continue. */
export function gate(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: () => resolve() };
}

/** Yields `msPerWord` of tone per word, at 16 kHz, in one chunk per word, with exact timings. */
export class FakeVoice implements Voice {
  voices?: string[];
  readonly spoken: { text: string; voice: string; speed: number }[] = [];
  msPerWord = 250;

  async *speak(
    text: string,
    options: { voice: string; speed: number; signal: AbortSignal },
  ): AsyncGenerator<SpeechChunk> {
    this.spoken.push({ text, voice: options.voice, speed: options.speed });
    const words = Array.from(text.matchAll(/\S+/g), (word, index) => ({
      startChar: word.index,
      endChar: word.index + word[0].length,
      startMs: index * this.msPerWord,
      endMs: (index + 1) * this.msPerWord,
    }));
    for (const _word of words) {
      options.signal.throwIfAborted();
      yield { samples: tone(this.msPerWord, 16000), sampleRateHz: 16000, words };
    }
  }
}

export interface FakeEngines extends Engines {
  transcriber: FakeTranscriber;
  languageModel: FakeModel;
  voice: FakeVoice;
}

export function fakeEngines(): FakeEngines {
  return {
    voiceActivity: loudnessDetector,
    transcriber: new FakeTranscriber(),
    languageModel: new FakeModel(),
    voice: new FakeVoice(),
  };
}

/** Sentences of two words each: at 250 ms per word, half a second of speech each. */
export function countTo(sentences: number): string {
  return Array.from({ length: sentences }, (_, index) => `Number ${index + 1}.`).join(' ');
}

/** The stream of an engine that yields these events and then hangs until it is aborted. */
export async function* hang<T>(signal: AbortSignal, ...first: T[]): AsyncGenerator<T, void, undefined> {
  yield* first;
  await new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** A 200 Hz tone at about −9 dBFS. */
export function tone(ms: number, sampleRateHz: number): Int16Array {
  return Int16Array.from({ length: Math.round((ms * sampleRateHz) / 1000) }, (_, index) =>
    Math.round(12_000 * Math.cos((2 * Math.PI * 200 * index) / sampleRateHz)),
  );
}

export function silence(ms: number, sampleRateHz: number): Int16Array {
  return new Int16Array(Math.round((ms * sampleRateHz) / 1000));
}
