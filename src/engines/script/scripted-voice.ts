import { durationMs, samplesIn } from '../../audio/pcm.ts';
import { pause } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import type { Voice } from '../../session/ports/voice.ts';
import { whenAdopted } from '../../session/ports/work-claim.ts';
import { traitsOf } from '../decorate.ts';
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
export function scriptedVoice(voice: Voice, delays: Delays, { clock, drop, spoken }: ScriptedVoiceTools): Voice {
  return {
    ...traitsOf(voice),
    async *speak(text, options) {
      const { signal, claim } = options;
      const dropWhenAdopted = () => whenAdopted(claim, drop);
      const current = spoken.of(text, claim);
      const failure = current?.step.failure?.kind === 'voice' ? current.step.failure : undefined;
      await pause(current?.step.delays.voice ?? delays.voice, clock, signal);
      if (current && failure && current.madeMs >= failure.after) return fail(failure, signal, dropWhenAdopted);
      for await (const chunk of voice.speak(text, options)) {
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
        return fail(failure, signal, dropWhenAdopted);
      }
    },
  };
}
