/** Meters, counters and events that the tests of usage share. */

import assert from 'node:assert/strict';
import type { Usage } from '../../../src/protocol/wire/server-events.ts';
import type { TokenCounter } from '../../../src/session/ports/language-model.ts';
import { type Client, update } from '../../support/conversation.ts';
import { tone } from '../../support/fake-engines.ts';

/** One token per word. */
export const words: TokenCounter = { count: (text) => text.match(/\S+/g)?.length ?? 0 };

export const inText = (response: object = {}) => ({
  type: 'response.create',
  response: { output_modalities: ['text'], ...response },
});

export function usageOf(client: Client): Usage {
  const { usage } = client.last('response.done').response;
  assert.ok(usage);
  return usage;
}

export async function manual(client: Client): Promise<void> {
  await client.say(update({ audio: { input: { turn_detection: null } } }));
}

export async function sayAloud(client: Client, ms: number): Promise<void> {
  await client.speak(tone(ms, 24000));
  await client.say({ type: 'input_audio_buffer.commit' });
}
