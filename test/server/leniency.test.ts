/**
 * Input that the hosted service refuses: accepted and logged once, or refused with `strict: hosted` (docs/protocol.md §9).
 */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ask, errorIn } from '../support/rest.ts';
import { KeptLog, newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';
import { beta, betaTranscription, ga } from './secrets/minting-requests.ts';

const withoutRate = { type: 'realtime', audio: { input: { format: { type: 'audio/pcm' } } } };
const spoken = (transcript: string) => ({
  type: 'message',
  role: 'assistant',
  content: [{ type: 'output_audio', transcript }],
});

const cases = [
  {
    leniency: 'assistant_output_audio',
    event: { type: 'conversation.item.create', item: spoken('Hello.') },
    error: {
      code: 'invalid_value',
      param: 'item.content[0].type',
      message: "Invalid value: 'output_audio'. Value must be 'output_text'.",
    },
  },
  {
    leniency: 'assistant_output_audio',
    event: { type: 'response.create', response: { input: [spoken('Hello.')] } },
    error: {
      code: 'invalid_value',
      param: 'response.input[0].content[0].type',
      message: "Invalid value: 'output_audio'. Value must be 'output_text'.",
    },
  },
  {
    leniency: 'assistant_output_audio',
    // Large enough to be parsed by a worker.
    event: { type: 'conversation.item.create', item: spoken('Hello. '.repeat(50_000)) },
    error: {
      code: 'invalid_value',
      param: 'item.content[0].type',
      message: "Invalid value: 'output_audio'. Value must be 'output_text'.",
    },
  },
  {
    leniency: 'pcm_without_rate',
    event: { type: 'session.update', session: withoutRate },
    error: {
      code: 'missing_required_parameter',
      param: 'session.audio.input.format.rate',
      message: "Missing required parameter: 'session.audio.input.format.rate'.",
    },
  },
] as const;

async function connect(t: TestContext, strict: 'off' | 'hosted') {
  const log = new KeptLog();
  const server = await newServer(t, { log, config: { strict } });
  return { log, server, client: await WireClient.open(`${server.wsUrl}?model=gpt-realtime`) };
}

const logged = (log: KeptLog) =>
  log.entries.filter(({ event }) => event === 'leniency_used').map(({ details }) => Reflect.get(details, 'leniency'));

for (const { leniency, event, error } of cases) {
  test(`${event.type} that needs ${leniency} is accepted, and logged once per session`, async (t) => {
    verifies('R9.1', 'R9.2');
    const { log, client } = await connect(t, 'off');
    client.send(event);
    client.send({ ...event, event_id: 'again' });
    const answers = { 'session.update': 'session.updated', 'response.create': 'response.done' } as const;
    await client.until(event.type in answers ? Reflect.get(answers, event.type) : 'conversation.item.done');
    await client.ask('Hello.');
    assert.deepEqual(logged(log), [leniency]);
  });

  test(`${event.type} that needs ${leniency} is refused with strict: hosted`, async (t) => {
    verifies('R9.1', 'R9.2');
    const { log, client } = await connect(t, 'hosted');
    client.send({ ...event, event_id: 'e' });
    const refused = await client.until('error');
    assert.deepEqual(refused.error, { type: 'invalid_request_error', ...error, event_id: 'e' });
    await client.ask('Hello.');
    assert.deepEqual(logged(log), []);
  });
}

test('strict mode applies to client secrets, and not to the beta dialect', async (t) => {
  verifies('R9.2');
  const { server } = await connect(t, 'hosted');
  const refused = await ask(server, ga, { body: { session: withoutRate } });
  assert.deepEqual([refused.status, errorIn(refused).param], [400, 'session.audio.input.format.rate']);
  const accepted = await ask(server, beta, { body: { input_audio_format: 'pcm16' } });
  assert.equal(accepted.status, 200);
});

test('a client secret for a model without turn detection has no turn_detection', async (t) => {
  verifies('R2.7', 'R2.16', 'R5.47');
  const server = await newServer(t);
  const transcription = { model: 'gpt-realtime-whisper' };
  const { body } = await ask(server, ga, {
    body: { session: { type: 'transcription', audio: { input: { transcription } } } },
  });
  const { input } = Object(body).session.audio;
  assert.deepEqual(
    [input.transcription, input.turn_detection],
    [{ ...transcription, language: null, prompt: null }, null],
  );
  const refused = await ask(server, betaTranscription, {
    body: { input_audio_transcription: transcription, turn_detection: { type: 'server_vad' } },
  });
  assert.deepEqual([refused.status, errorIn(refused).param], [400, 'turn_detection']);
});
