import { durationMs, samplesIn } from '../../audio/pcm.ts';
import { pause } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import type { SpeakOptions, SpeechChunk, Voice } from '../../session/ports/voice.ts';
import { whenAdopted } from '../../session/ports/work-claim.ts';
import { fail } from './failures.ts';
import type { Delays } from './script.ts';
import type { SpokenSteps } from './spoken-steps.ts';

export interface ScriptedVoiceTools {
  clock: Clock;
  /** Cuts the client's connection. */
  drop: () => void;
  spoken: SpokenSteps;
}

/** Adds the delays and failures of a script to another voice. */
export class ScriptedVoice implements Voice {
  readonly #voice: Voice;
  readonly #delays: Delays;
  readonly #tools: ScriptedVoiceTools;

  constructor(voice: Voice, delays: Delays, tools: ScriptedVoiceTools) {
    this.#voice = voice;
    this.#delays = delays;
    this.#tools = tools;
  }

  get voices(): readonly string[] | undefined {
    return this.#voice.voices;
  }

  warm(): void {
    this.#voice.warm?.();
  }

  async *speak(text: string, options: SpeakOptions): AsyncGenerator<SpeechChunk, void, undefined> {
    const { signal, claim } = options;
    const { clock, spoken } = this.#tools;
    const drop = () => whenAdopted(claim, this.#tools.drop);
    const current = spoken.of(text, claim);
    const failure = current?.step.failure?.kind === 'voice' ? current.step.failure : undefined;
    await pause(current?.step.delays.voice ?? this.#delays.voice, clock, signal);
    if (current && failure && current.madeMs >= failure.after) return fail(failure, signal, drop);
    for await (const chunk of this.#voice.speak(text, options)) {
      if (current === undefined || failure === undefined) {
        yield chunk;
        continue;
      }
      const room = samplesIn(failure.after - current.madeMs, chunk.sampleRateHz);
      current.madeMs += durationMs(chunk.samples.length, chunk.sampleRateHz);
      if (chunk.samples.length < room) {
        yield chunk;
        continue;
      }
      yield { ...chunk, samples: chunk.samples.slice(0, room) };
      return fail(failure, signal, drop);
    }
  }
}
