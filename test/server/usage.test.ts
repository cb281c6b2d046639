import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { borrowed, embeddedEngines, spokenQuestion } from '../support/embedded.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

const engines = await embeddedEngines();
after(() => engines.close());

test('two spoken turns are counted by duration, and the second counts the first as cached', async (t) => {
  verifies('R3.33', 'R3.48', 'R3.51', 'R3.55');
  const config = { contextTokens: [{ tokens: 2000 }], outputLeadMs: Number.POSITIVE_INFINITY };
  const server = await newServer(t, { engines: borrowed(engines), config });
  const client = await WireClient.open(`${server.wsUrl}?model=gpt-realtime`);
  t.after(() => client.socket.terminate());
  const truncation = { type: 'retention_ratio', retention_ratio: 0.8, token_limits: { post_instructions: 2001 } };
  client.send({ type: 'session.update', session: { type: 'realtime', truncation } });
  assert.equal((await client.until('error')).error.code, 'integer_above_max_value');
  client.send({ type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: null } } } });
  await client.until('session.updated');

  const question = await spokenQuestion(engines, 'What is two plus three?', 200);
  const audio = Buffer.from(question.buffer, question.byteOffset, question.byteLength).toString('base64');
  // R3.33: rounded down once per response.
  const userTokens = (question.length / 24000) * 10;
  const ask = async () => {
    client.send({ type: 'input_audio_buffer.append', audio });
    client.send({ type: 'input_audio_buffer.commit' });
    client.send({ type: 'response.create' });
    const { response } = await client.until('response.done');
    assert.equal(response.status, 'completed', JSON.stringify(response.status_details));
    assert.ok(response.usage);
    return response.usage;
  };
  const first = await ask();
  assert.equal(first.input_token_details.audio_tokens, Math.floor(userTokens));
  assert.equal(first.input_token_details.cached_tokens, 0);
  assert.ok(first.output_token_details.audio_tokens > 0 && first.output_token_details.text_tokens > 0);
  const second = await ask();
  // Both questions, and the played answer, whose fraction of a token is unknown.
  const least = Math.floor(2 * userTokens + first.output_token_details.audio_tokens);
  assert.ok([least, least + 1].includes(second.input_token_details.audio_tokens));
  assert.equal(second.input_token_details.cached_tokens_details.audio_tokens, Math.floor(userTokens));
});
