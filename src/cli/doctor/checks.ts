/**
 * One real request per kind of engine: returns a description of the result, or throws an Error that names the problem.
 */

import type { AudioClip } from '../../audio/audio-clip.ts';
import { concatSamples, durationMs } from '../../audio/pcm.ts';
import type { EngineKind, Engines } from '../../session/ports/engines.ts';
import type { LanguageModel } from '../../session/ports/language-model.ts';
import type { Transcriber } from '../../session/ports/transcriber.ts';
import type { Voice } from '../../session/ports/voice.ts';
import type { VoiceActivityDetector } from '../../session/ports/voice-activity.ts';
import { checkToolCall } from './tool-check.ts';

/** A description of the result; `odd` if the engine works, but not as expected. */
export interface Finding {
  did: string;
  odd?: boolean;
}

/** Speech for the transcriber and the voice activity detector. */
export const sampleSentence = 'What is the weather like today?';
const spokenSentence = 'Hello, this is a test.';
/** Share of the words that a transcriber must recognize. */
const leastShare = 0.5;

async function checkLanguageModel(model: LanguageModel, { signal }: CheckOptions): Promise<Finding> {
  const startedAt = performance.now();
  const events = model.generate({
    // A model that takes the client's name for it is asked for the usual one.
    model: 'gpt-realtime',
    instructions: 'You are being tested. Answer with one short sentence.',
    items: [{ type: 'message', role: 'user', content: [{ type: 'text', text: 'Say hello.' }] }],
    tools: [],
    toolChoice: 'auto',
    maxOutputTokens: 1024,
    spoken: true,
    signal,
  });
  let text = '';
  let firstAfter = 0;
  for await (const event of events) {
    if (event.type === 'text') {
      firstAfter ||= performance.now() - startedAt;
      text += event.text;
    }
    if (event.type === 'finish') break;
  }
  if (text.trim() === '') throw new Error('its answer has no text');
  const tool = await checkToolCall(model, signal);
  const answered = `answered ${quoteExcerpt(text)} (first words after ${ms(firstAfter)})`;
  return { did: `${answered}; ${tool.did}`, odd: !tool.follows };
}

async function checkVoice(voice: Voice, { signal }: CheckOptions): Promise<Finding> {
  const { clip, firstAfter } = await speak(voice, spokenSentence, signal);
  if (clip.samples.every((sample) => sample === 0)) throw new Error('its audio is silent');
  const seconds = (durationMs(clip.samples.length, clip.sampleRateHz) / 1000).toFixed(1);
  return { did: `spoke ${seconds} s of sound at ${clip.sampleRateHz} Hz (first sound after ${ms(firstAfter)})` };
}

async function checkTranscriber(transcriber: Transcriber, { clip, signal }: CheckOptions): Promise<Finding> {
  const startedAt = performance.now();
  for await (const event of transcriber.transcribe(clip, { language: 'en', signal })) {
    if (event.type !== 'done') continue;
    if (event.text.trim() === '') throw new Error(`its transcript is empty for a clip that says "${sampleSentence}"`);
    const share = shareOfWords(sampleSentence, event.text);
    const result = `transcribed ${quoteExcerpt(event.text)} where "${sampleSentence}" was said`;
    if (share < leastShare) throw new Error(`it ${result}`);
    return { did: `${result} (${ms(performance.now() - startedAt)})`, odd: share < 1 };
  }
  throw new Error('it ended without a transcript');
}

async function checkVoiceActivity(detector: VoiceActivityDetector, { clip }: CheckOptions): Promise<Finding> {
  const stream = detector.open({ sampleRateHz: clip.sampleRateHz });
  try {
    const frames = (await stream.push(clip.samples)) ?? [];
    const voiced = frames.filter(({ probability }) => probability > 0.5).length;
    if (voiced === 0) throw new Error(`it found no speech in a clip that says "${sampleSentence}"`);
    return { did: `found speech in ${Math.round((100 * voiced) / frames.length)} % of a spoken clip` };
  } finally {
    stream.close();
  }
}

/** The audio of a voice, and its latency in milliseconds. */
export async function speak(
  voice: Voice,
  text: string,
  signal: AbortSignal,
): Promise<{ clip: AudioClip; firstAfter: number }> {
  const startedAt = performance.now();
  const parts: AudioClip[] = [];
  let firstAfter = 0;
  for await (const chunk of voice.speak(text, { voice: 'alloy', speed: 1, signal })) {
    firstAfter ||= performance.now() - startedAt;
    parts.push(chunk);
  }
  const [first] = parts;
  if (first === undefined) throw new Error('it made no sound');
  const samples = concatSamples(parts.map((part) => part.samples));
  return { clip: { samples, sampleRateHz: first.sampleRateHz }, firstAfter };
}

interface CheckOptions {
  /** `sampleSentence` as speech. */
  clip: AudioClip;
  signal: AbortSignal;
}

type Check<Engine> = (engine: Engine, options: CheckOptions) => Promise<Finding>;

/** By kind of engine. */
export const checks: { readonly [Kind in EngineKind]: Check<Engines[Kind]> } = {
  voiceActivity: checkVoiceActivity,
  transcriber: checkTranscriber,
  languageModel: checkLanguageModel,
  voice: checkVoice,
};

/** The share of correct words, of those spoken or, if there are more, recognized. */
function shareOfWords(said: string, heard: string): number {
  const [saidWords, heardWords] = [wordsIn(said), wordsIn(heard)];
  const left = [...heardWords];
  const right = saidWords.filter((word) => {
    const at = left.indexOf(word);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
  return right.length / Math.max(saidWords.length, heardWords.length);
}

function wordsIn(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
}

function quoteExcerpt(text: string): string {
  const line = text.replaceAll(/[\p{C}\s]+/gu, ' ').trim();
  return `"${line.length > 80 ? `${line.slice(0, 80)}…` : line}"`;
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
