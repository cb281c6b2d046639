/** Errors for frames that are not events (docs/protocol.md §5). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newConversation, update } from '../../support/conversation.ts';
import { verifies } from '../../support/verifies.ts';
import { type Expected, refused } from './refused.ts';

const frames: [name: string, text: string, expected: Expected][] = [
  [
    'invalid JSON',
    '{"type":',
    { code: 'invalid_json', param: null, message: /^Invalid event: failed to parse JSON value\. ./ },
  ],
  [
    'an empty frame',
    '',
    { code: 'invalid_json', param: null, message: /^Invalid event: failed to parse JSON value\. ./ },
  ],
  [
    'NaN',
    '{"type":NaN}',
    { code: 'invalid_json', param: null, message: /^Invalid event: failed to parse JSON value\. ./ },
  ],
  ['an array', '[]', { code: 'invalid_event', param: null, message: 'Invalid event: expected a JSON object.' }],
  ['null', 'null', { code: 'invalid_event', param: null, message: 'Invalid event: expected a JSON object.' }],
  ['a number', '5', { code: 'invalid_event', param: null, message: 'Invalid event: expected a JSON object.' }],
  ['no type', '{}', { code: 'invalid_event', param: null, message: "The 'type' field is missing." }],
  ['40,000 open brackets', '['.repeat(40_000), { code: 'invalid_json', param: null, message: /^Invalid event/ }],
];

for (const [name, text, expected] of frames) {
  test(`a frame that is not an event: ${name}`, async () => {
    verifies('R5.1', 'R5.12', 'R5.14');
    const { client } = newConversation();
    await refused(client, () => client.postText(text), null, expected);
  });
}

const deep = `${'['.repeat(40_000)}0${']'.repeat(40_000)}`;

const deepFrames = {
  type: `{"event_id":"e","type":${deep}}`,
  'an unknown field': `{"event_id":"e","type":"response.create","x":${deep}}`,
  'session.type': `{"event_id":"e","type":"session.update","session":{"type":${deep}}}`,
  "a tool's parameters": `{"event_id":"e","type":"session.update","session":{"type":"realtime","tools":[{"type":"function","name":"f","parameters":${deep}}]}}`,
  audio: `{"event_id":"e","type":"input_audio_buffer.append","audio":${deep}}`,
};

for (const [where, text] of Object.entries(deepFrames)) {
  test(`nesting of 40,000 levels in ${where} is refused without recursion`, async () => {
    verifies('R5.2');
    const { client } = newConversation();
    await refused(client, () => client.postText(text), 'e', {
      code: 'invalid_event',
      param: null,
      message: 'Invalid event: nested more than 100 levels deep.',
    });
  });
}

test('of duplicate keys the last one counts', async () => {
  const { client } = newConversation();
  client.postText('{"type":"nope","type":"input_audio_buffer.clear"}');
  await client.say({ type: 'input_audio_buffer.clear' });
  assert.equal(client.all('input_audio_buffer.cleared').length, 2);
  assert.deepEqual(client.all('error'), []);
});

test('a huge value is truncated in the error', async () => {
  verifies('R5.2');
  const { client } = newConversation();
  await client.say({ type: 'x'.repeat(1_000_000) });
  assert.ok(client.lastError().message.length < 1000);
  await client.say(update({ tool_choice: 'x'.repeat(1_000_000) }));
  assert.ok(client.lastError().message.length < 1000);
});
