/** Audio and updates that the tests of turns share. */

import { concatSamples } from '../../../src/audio/pcm.ts';
import { type Client, update } from '../../support/conversation.ts';
import { silence, tone } from '../../support/fake-engines.ts';

export const quiet = (ms: number) => silence(ms, 24000);

export const speech = (ms: number) => tone(ms, 24000);

export const turn = concatSamples([quiet(400), speech(800), quiet(700)]);

export const input = (fields: object) => update({ audio: { input: fields } });

export const vad = (fields: object) => input({ turn_detection: { type: 'server_vad', ...fields } });

/** The begin and end of each turn, from the events. */
export function marks(client: Client): number[][] {
  const stops = client.all('input_audio_buffer.speech_stopped');
  return client
    .all('input_audio_buffer.speech_started')
    .map(({ audio_start_ms }, index) => [audio_start_ms, stops[index]?.audio_end_ms ?? Number.NaN]);
}
