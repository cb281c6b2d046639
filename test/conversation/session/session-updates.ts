import assert from 'node:assert/strict';
import type { RealtimeConfig } from '../../../src/protocol/index.ts';
import { type Client, update } from '../../support/conversation.ts';

export const pcm = { type: 'audio/pcm', rate: 24000 };

export async function updated(client: Client, session: object): Promise<RealtimeConfig> {
  client.forget();
  await client.say(update(session));
  assert.deepEqual(client.types(), ['session.updated']);
  const { session: config } = client.last('session.updated');
  assert.equal(config.type, 'realtime');
  return config;
}
