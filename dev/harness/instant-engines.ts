/** Engines that answer immediately, so that the rest of a turn is Parley's own share. */

import type { EngineSet } from '../../src/engines/spec/registry.ts';
import type { LanguageModel } from '../../src/session/ports/language-model.ts';
import type { Transcriber } from '../../src/session/ports/transcriber.ts';
import type { SpeechChunk, Voice } from '../../src/session/ports/voice.ts';
import type { VoiceActivityDetector, VoiceActivityStream, VoiceFrame } from '../../src/session/ports/voice-activity.ts';

/** The duration of a caller's chunk, so that it is known which append ends a turn. */
const frameMs = 20;
const loudSample = 1000;
/** Only some samples of each frame are checked, to keep the cost low. */
const sampleStride = 8;

const loudFrame: VoiceFrame = { probability: 0.95, energyDb: -12, pitchHz: 200 };
const quietFrame: VoiceFrame = { probability: 0.02, energyDb: -60, pitchHz: 0 };

const answer = 'All right.';
const answerSamples = tone(500, 16_000);

const voiceActivity: VoiceActivityDetector = { open: ({ sampleRateHz }) => loudness(sampleRateHz) };

function loudness(sampleRateHz: number): VoiceActivityStream {
  const frameSamples = (sampleRateHz * frameMs) / 1000;
  let inFrame = 0;
  let loud = false;
  return {
    frameMs,
    push(samples) {
      const frames: VoiceFrame[] = [];
      for (let at = 0; at < samples.length; ) {
        const end = Math.min(samples.length, at + frameSamples - inFrame);
        for (let i = at; i < end && !loud; i += sampleStride) loud = Math.abs(samples[i] ?? 0) > loudSample;
        inFrame += end - at;
        at = end;
        if (inFrame < frameSamples) break;
        frames.push(loud ? loudFrame : quietFrame);
        inFrame = 0;
        loud = false;
      }
      return Promise.resolve(frames);
    },
    close() {},
  };
}

const transcriber: Transcriber = {
  async *transcribe() {
    yield { type: 'delta', text: 'Hello.' };
    yield { type: 'done', text: 'Hello.' };
  },
};

const languageModel: LanguageModel = {
  async *generate() {
    yield { type: 'text', text: answer };
    yield { type: 'finish', reason: 'stop' };
  },
};

const voice: Voice = {
  async *speak(): AsyncGenerator<SpeechChunk> {
    yield { samples: answerSamples, sampleRateHz: 16_000 };
  },
};

/** 200 Hz at about −9 dBFS: the output of these engines, and the input that they detect as speech. */
export function tone(ms: number, sampleRateHz: number): Int16Array {
  return Int16Array.from({ length: (ms * sampleRateHz) / 1000 }, (_, index) =>
    Math.round(12_000 * Math.cos((2 * Math.PI * 200 * index) / sampleRateHz)),
  );
}

export function instantEngines(): EngineSet {
  return {
    engines: { voiceActivity, transcriber, languageModel, voice },
    ready: Promise.resolve(),
    describe: () => [],
    close: async () => {},
  };
}
