import { listField, numberField, textField } from './json.ts';

/** Whisper's own thresholds (openai/whisper, `transcribe`: `no_speech_threshold`, `logprob_threshold`). */
const noSpeechProbability = 0.6;
const leastMeanLogprob = -1;

/** Output of Whisper models for silence, which results from the ends of their training data. */
const phantoms: ReadonlySet<string> = new Set([
  'thank you',
  'thank you very much',
  'thank you so much',
  'thank you for watching',
  'thank you so much for watching',
  'thanks',
  'thanks for watching',
  'please subscribe',
  'bye',
  'bye bye',
  'you',
  'vielen dank',
  'vielen dank fürs zuschauen',
  'gracias',
  'gracias por ver el video',
  'merci',
  'merci d avoir regardé cette vidéo',
  'продолжение следует',
  'спасибо за просмотр',
  '谢谢',
  '謝謝',
  'ご視聴ありがとうございました',
]);

/**
 * Whether a `verbose_json` answer contains no speech: in each segment `no_speech_prob` is high, and the text is a known
 * phantom or improbable (`avg_logprob`).
 */
export function isPhantom(answer: unknown): boolean {
  const segments = listField(answer, 'segments');
  return segments.length > 0 && segments.every(isPhantomSegment);
}

function isPhantomSegment(segment: unknown): boolean {
  const noSpeech = numberField(segment, 'no_speech_prob') ?? 0;
  const logprob = numberField(segment, 'avg_logprob') ?? 0;
  if (noSpeech <= noSpeechProbability) return false;
  return logprob < leastMeanLogprob || phantoms.has(wordsOf(textField(segment, 'text') ?? ''));
}

function wordsOf(text: string): string {
  return (text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? []).join(' ');
}
