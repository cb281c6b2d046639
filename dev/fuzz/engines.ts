/** Engines that answer immediately, slowly, or with failures, as words of the client request. */

import { setTimeout as delay } from 'node:timers/promises';
import { StandIn } from '../../src/engines/embedded/responder/stand-in.ts';
import type { EngineSet, LanguageModel, Transcriber, Voice } from '../../src/server/server.ts';
import { instantEngines, tone } from '../harness/instant-engines.ts';

/** Marks the errors that the fuzzer itself causes. */
export const ordered = 'as it was told to';

/** Words that make the engines slow, or make them fail. */
export const orders = {
  slowly: 'Say exactly: slowly, slowly, slowly.',
  fail: 'Please fail now.',
  mute: 'Say exactly: mute.',
};

const stepMs = 15;

export function fuzzEngines(): EngineSet {
  const set = instantEngines();
  const standIn = new StandIn();
  const languageModel: LanguageModel = {
    async *generate(request) {
      const last = JSON.stringify(request.items.at(-1) ?? request.instructions);
      if (last.includes('fail now')) throw new Error(`The language model failed, ${ordered}.`);
      for await (const event of standIn.generate(request)) {
        if (last.includes('slowly')) await delay(stepMs, undefined, { signal: request.signal });
        yield event;
      }
    },
  };
  const transcriber: Transcriber = {
    async *transcribe(clip, options) {
      if (options.prompt?.includes('fail now')) throw new Error(`The transcriber failed, ${ordered}.`);
      if (options.prompt?.includes('slowly')) await delay(stepMs, undefined, { signal: options.signal });
      yield* set.engines.transcriber.transcribe(clip, options);
    },
  };
  const samples = tone(80, 16_000);
  const voice: Voice = {
    async *speak(text) {
      if (text.includes('mute')) throw new Error(`The voice failed, ${ordered}.`);
      yield { samples, sampleRateHz: 16_000 };
    },
  };
  return { ...set, engines: { ...set.engines, languageModel, transcriber, voice } };
}
