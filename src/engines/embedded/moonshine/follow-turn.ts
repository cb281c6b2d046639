import { durationMs } from '../../../audio/pcm.ts';
import type { OpenTurn, PartialTranscript, TranscriptionDelay } from '../../../session/ports/transcriber.ts';
import { EngineError } from '../../engine-error.ts';
import { cutIntoWindows, MAX_WINDOW_MS } from './clip-windows.ts';
import type { MoonshineRequest } from './moonshine-worker.ts';
import { StableWords } from './stable-words.ts';

/** Minimum audio between two passes: about a word. Their cost bounds them further (`PoolSurroundings.partialShare`). */
const GROWTH_MS = 300;

/** The audio over which passes must agree on a word. */
const AGREEMENT_MS: Record<TranscriptionDelay, number> = {
  minimal: 0,
  low: 500,
  medium: 1000,
  high: 2000,
  xhigh: 4000,
};

export interface FollowOptions {
  delay?: TranscriptionDelay | undefined;
  signal: AbortSignal;
}

/**
 * Yields the stable words of a turn that has not ended, by repeated passes over its audio. `transcribe` runs a pass; it
 * calls its argument for the audio when it starts.
 */
export async function* followTurn(
  turn: OpenTurn,
  transcribe: (request: () => MoonshineRequest) => Promise<string>,
  { delay = 'minimal', signal }: FollowOptions,
): AsyncGenerator<PartialTranscript, void, undefined> {
  const stable = new StableWords(AGREEMENT_MS[delay]);
  let startMs = 0;
  let untilMs = 0;
  let isComplete = false;
  let space = '';
  const readWindow = (): MoonshineRequest => {
    // A little more shows that the window is complete.
    const clip = turn.clip(startMs, startMs + MAX_WINDOW_MS + GROWTH_MS);
    const [samples = clip.samples] = cutIntoWindows(clip);
    untilMs = startMs + durationMs(samples.length, clip.sampleRateHz);
    isComplete = samples.length < clip.samples.length;
    return { samples: isComplete ? samples.slice() : samples, sampleRateHz: clip.sampleRateHz };
  };
  for (;;) {
    await turn.reaches(untilMs + GROWTH_MS, signal);
    untilMs = turn.durationMs;
    const text = await transcribe(readWindow).catch(rethrowUnlessOverloaded);
    if (text === undefined) continue;
    for (const word of isComplete ? stable.end(text) : stable.next(text, untilMs)) {
      yield { type: 'delta', text: space + word };
      space = ' ';
    }
    if (isComplete) startMs = untilMs;
  }
}

/** Others need the threads: this pass is left out. */
function rethrowUnlessOverloaded(error: unknown): undefined {
  if (!(error instanceof EngineError && error.overloaded)) throw error;
}
