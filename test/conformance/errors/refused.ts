/** Sends invalid events, and compares the error with docs/protocol.md §5. */

import assert from 'node:assert/strict';
import { type Client, update, userText } from '../../support/conversation.ts';

export type Expected = { code: string; param: string | null; message: string | RegExp };

/** Only one error is sent, with the event's id, and the session continues: a text turn still works. */
export async function refused(
  client: Client,
  send: () => void | Promise<void>,
  eventId: string | null,
  expected: Expected,
) {
  client.forget();
  await send();
  assert.deepEqual(client.types(), ['error']);
  const { type, code, param, message, event_id } = client.lastError();
  assert.deepEqual(
    { type, code, param, event_id },
    { type: 'invalid_request_error', code: expected.code, param: expected.param, event_id: eventId },
  );
  if (typeof expected.message === 'string') assert.equal(message, expected.message);
  else assert.match(message, expected.message);
  await textTurn(client);
}

export async function textTurn(client: Client): Promise<void> {
  client.forget();
  await client.say(userText('How are you?'));
  await client.say({ type: 'response.create', response: { output_modalities: ['text'] } });
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.deepEqual(client.all('error'), []);
}

export const item = (fields: unknown) => ({ type: 'conversation.item.create', item: fields });

export const userMessage = (content: unknown) => item({ type: 'message', role: 'user', content });

export const input = (fields: object) => update({ audio: { input: fields } });
