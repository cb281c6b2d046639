/** SECURITY.md, "multiplies its input by reference": a context is bounded, and each occurrence of an item counts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImageFetcher } from '../../src/session/ports/image-fetcher.ts';
import { newConversation } from '../support/conversation.ts';
import { say } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';
import { underAttack } from './support/under-attack.ts';

const mebibyte = 1024 ** 2;
const text = { output_modalities: ['text'] };
const picture = (image_url: string) => ({ type: 'input_image', detail: 'low', image_url });
const message = (content: object[]) => ({ type: 'message', role: 'user', content });
const references = (count: number) => Array.from({ length: count }, () => ({ type: 'item_reference', id: 'img' }));
const beside = (input: object[]) => ({
  type: 'response.create',
  response: { ...text, conversation: 'none', input },
});

test('an input that references one image a hundred times is refused', async (t) => {
  verifies('R5.82');
  await underAttack(t, {}, async (scene) => {
    const client = await scene.client();
    const url = `data:image/png;base64,${'A'.repeat(mebibyte)}`;
    client.send({ type: 'conversation.item.create', item: { id: 'img', ...message([picture(url)]) } });
    await client.until('conversation.item.done');
    await scene.waves(async () => {
      client.send(beside(references(100)));
      const { error } = await client.until('error');
      assert.deepEqual([error.code, error.param], ['context_too_large', 'response.input']);
      assert.match(error.message, /more than 67108864 characters/);
    });
    assert.equal(scene.engines.languageModel.requests.length, 2, 'both were the bystander’s');
    client.send(beside(references(2)));
    assert.equal((await client.until('response.done')).response.status, 'completed');
  });
});

test('an input that repeats one image URL fails its response', async () => {
  verifies('R5.83');
  const images: ImageFetcher = { fetch: async () => `data:image/png;base64,${'A'.repeat(2000)}` };
  const { client, engines } = newConversation({ limits: { contextCharacters: 10_000 } }, { images });
  engines.languageModel.script = () => say('A dot.');
  const repeated = (count: number) =>
    client.say(beside([message(Array.from({ length: count }, () => picture('https://example.com/a.png')))]));
  await repeated(4);
  assert.equal(client.last('response.done').response.status, 'completed');
  await repeated(5);
  const { status_details: details } = client.last('response.done').response;
  assert.ok(details?.type === 'failed');
  assert.equal(details.error.code, 'context_too_large');
});
