import { concatSamples } from '../../src/audio/pcm.ts';
import { resample } from '../../src/audio/resample.ts';
import { createEngines, type EngineSet } from '../../src/engines/spec/registry.ts';
import type { SpeechChunk } from '../../src/session/ports/voice.ts';
import { silence } from './fake-engines.ts';

/** The real embedded engines, loaded. */
export async function embeddedEngines(): Promise<EngineSet> {
  const set = createEngines();
  await set.ready;
  return set;
}

/** An engine set that its user may close without closing the engines, for tests that share them. */
export function borrowed(set: EngineSet): EngineSet {
  return { engines: set.engines, ready: set.ready, describe: () => set.describe(), close: async () => {} };
}

/** A person's question for tests: said by the embedded voice, at 24 kHz, with silence around it. */
export async function spokenQuestion({ engines }: EngineSet, text: string, silenceAfterMs = 1200): Promise<Int16Array> {
  const chunks = await Array.fromAsync(
    engines.voice.speak(text, { voice: 'alloy', speed: 1, signal: new AbortController().signal }),
  );
  const speech = await resample(joined(chunks), 24000);
  return concatSamples([silence(300, 24000), speech.samples, silence(silenceAfterMs, 24000)]);
}

function joined(chunks: readonly SpeechChunk[]): SpeechChunk {
  return {
    samples: concatSamples(chunks.map((chunk) => chunk.samples)),
    sampleRateHz: chunks[0]?.sampleRateHz ?? 16000,
  };
}

/** What the embedded transcriber understands of a clip. */
export async function understood({ engines }: EngineSet, samples: Int16Array, sampleRateHz: number): Promise<string> {
  const events = engines.transcriber.transcribe({ samples, sampleRateHz }, { signal: new AbortController().signal });
  for await (const event of events) if (event.type === 'done') return event.text;
  return '';
}

/** Words alone, to compare what was said with what was understood. */
export function words(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9 ]/g, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
