/** `POST /v1/realtime/client_secrets` and the two corresponding beta routes: request and response bodies. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeEngines } from '../../support/fake-engines.ts';
import { ask, errorIn } from '../../support/rest.ts';
import { fakeEngineSet, KeptLog, newServer } from '../../support/server.ts';
import { verifies } from '../../support/verifies.ts';
import { beta, betaTranscription, ga } from './minting-requests.ts';

test('a response has the complete configuration of the secret’s sessions', async (t) => {
  verifies('R1.25');
  const clock = new FakeClock();
  const server = await newServer(t, { clock });
  const session = { type: 'realtime', audio: { input: { turn_detection: { type: 'semantic_vad' } } } };
  const { status, body } = await ask(server, ga, { body: { session } });
  assert.equal(status, 200);
  const answer = body as { value: string; expires_at: number; session: { id: string } };
  assert.match(answer.value, /^ek_[\w-]{43}$/);
  assert.equal(answer.expires_at, clock.epochMs() / 1000 + 600);
  assert.match(answer.session.id, /^sess_/);
  assert.deepEqual(
    { ...answer.session, id: '' },
    {
      type: 'realtime',
      object: 'realtime.session',
      id: '',
      model: 'gpt-realtime',
      output_modalities: ['audio'],
      instructions: '',
      tools: [],
      tool_choice: 'auto',
      max_output_tokens: 'inf',
      tracing: null,
      truncation: 'auto',
      prompt: null,
      expires_at: 0,
      include: null,
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: 24000 },
          transcription: null,
          noise_reduction: null,
          turn_detection: { type: 'semantic_vad', eagerness: 'auto', create_response: true, interrupt_response: true },
        },
        output: { format: { type: 'audio/pcm', rate: 24000 }, voice: 'alloy', speed: 1 },
      },
    },
  );
});

test('defaults are null in the session of a secret, which may be sent back', async (t) => {
  verifies('R1.25');
  const server = await newServer(t);
  const tools = [{ type: 'function', name: 'f' }];
  const transcription = { model: 'whisper-1' };
  const shown = {
    tools: [{ ...tools[0], description: null }],
    ...{ transcription: { ...transcription, language: null, prompt: null } },
  };
  let session: object = { type: 'realtime', tools, audio: { input: { transcription } } };
  for (const _ of ['sent', 'sent back']) {
    const { body } = await ask(server, ga, { body: { session } });
    const { tools: made, audio } = (
      body as { session: { tools: object[]; audio: { input: { transcription: object } } } }
    ).session;
    assert.deepEqual({ tools: made, transcription: audio.input.transcription }, shown);
    session = { type: 'realtime', tools: made, audio: { input: { transcription: audio.input.transcription } } };
  }
  let flat: object = { tools, input_audio_transcription: transcription };
  for (const _ of ['sent', 'sent back']) {
    const { body } = await ask(server, beta, { body: flat });
    const { tools: made, input_audio_transcription } = body as { tools: object[]; input_audio_transcription: object };
    assert.deepEqual({ tools: made, transcription: input_audio_transcription }, shown);
    flat = { tools: made, input_audio_transcription };
  }
});

test('an empty body creates a secret for a default realtime session', async (t) => {
  const server = await newServer(t);
  for (const body of [undefined, '', {}]) {
    const answer = await ask(server, ga, { ...(body !== undefined && { body }) });
    assert.equal((answer.body as { session: { type: string } }).session.type, 'realtime');
  }
});

for (const { request, body, seconds } of [
  { request: ga, body: { expires_after: { anchor: 'created_at', seconds: 7200 } }, seconds: 7200 },
  { request: ga, body: { expires_after: { seconds: 10 } }, seconds: 10 },
  { request: beta, body: {}, seconds: 60 },
  { request: beta, body: { client_secret: { expires_after: { anchor: 'created_at', seconds: 90 } } }, seconds: 90 },
  { request: beta, body: { client_secret: { value: 'ek_old', expires_at: 1 } }, seconds: 60 },
  { request: betaTranscription, body: {}, seconds: 60 },
  { request: betaTranscription, body: { client_secret: { expires_at: { seconds: 120 } } }, seconds: 120 },
]) {
  test(`a secret of ${request} with ${JSON.stringify(body)} is valid for ${seconds} s`, async (t) => {
    const clock = new FakeClock();
    const server = await newServer(t, { clock });
    const answer = await ask(server, request, { body });
    const minted = answer.body as { expires_at: number; client_secret?: { expires_at: number } };
    assert.equal((minted.client_secret ?? minted).expires_at, clock.epochMs() / 1000 + seconds);
  });
}

for (const { request, body, param, message, code = 'invalid_value' } of [
  {
    request: ga,
    body: { session: { type: 'realtime', foo: 1 } },
    param: 'session.foo',
    code: 'unknown_parameter',
    message: /^Unknown parameter: 'session\.foo'\.$/,
  },
  {
    request: ga,
    body: { session: { type: 'realtime', voice: 'ash' } },
    param: 'session.voice',
    code: 'unknown_parameter',
    message: /beta dialect; .*'session\.audio\.output\.voice'/,
  },
  {
    request: ga,
    body: { session: {} },
    param: 'session.type',
    code: 'missing_required_parameter',
    message: /^Missing required parameter: 'session\.type'\.$/,
  },
  {
    request: ga,
    body: { session: { type: 'realtime', output_modalities: ['text', 'audio'] } },
    param: 'session.output_modalities',
    message: /^Invalid modalities/,
  },
  {
    request: ga,
    body: { expires_after: { anchor: 'created_at', seconds: 9 } },
    param: 'expires_after.seconds',
    code: 'integer_below_min_value',
    message: />= 10/,
  },
  {
    request: ga,
    body: { expires_after: { anchor: 'created_at', seconds: 7201 } },
    param: 'expires_after.seconds',
    code: 'integer_above_max_value',
    message: /<= 7200/,
  },
  {
    request: ga,
    body: { session: { type: 'realtime', model: 'gpt-nope' } },
    param: null,
    code: 'invalid_model',
    message: /^Model "gpt-nope"/,
  },
  {
    request: ga,
    body: { session: { type: 'realtime', audio: { output: { voice: 'nobody' } } } },
    param: 'session.audio.output.voice',
    message: /'nobody'/,
  },
  {
    request: ga,
    body: { session: { type: 'realtime', prompt: { id: 'pmpt_none' } } },
    param: 'session.prompt.id',
    message: /^Prompt with id 'pmpt_none' not found/,
  },
  {
    request: ga,
    body: { parley: { locked: ['audio.output.voice', 'instruction'] } },
    param: 'parley.locked[1]',
    message: /no field 'instruction'/,
  },
  {
    request: ga,
    body: { session: { type: 'transcription' }, parley: { locked: ['instructions'] } },
    param: 'parley.locked[0]',
    message: /^Invalid 'parley\.locked\[0\]': a transcription session/,
  },
  {
    request: ga,
    body: { parley: { allowed_origins: ['https://shop.example/path'] } },
    param: 'parley.allowed_origins[0]',
    message: /origin such as/,
  },
  {
    request: ga,
    body: { parley: { max_sessions: 0 } },
    param: 'parley.max_sessions',
    code: 'integer_below_min_value',
    message: />= 1/,
  },
  { request: beta, body: { voice: 'nobody' }, param: 'voice', message: /'nobody'/ },
  {
    request: beta,
    body: { temperature: 1.3 },
    param: 'temperature',
    code: 'decimal_above_max_value',
    message: /<= 1\.2/,
  },
  {
    request: beta,
    body: { max_response_output_tokens: 4097 },
    param: 'max_response_output_tokens',
    code: 'integer_above_max_value',
    message: /<= 4096/,
  },
  { request: beta, body: { modalities: ['audio'] }, param: 'modalities', message: /'text'\] and \['audio', 'text'\]/ },
  {
    request: beta,
    body: { instruction: 'Hi' },
    param: 'instruction',
    code: 'unknown_parameter',
    message: /Did you mean 'instructions'\?/,
  },
  {
    request: betaTranscription,
    body: { instructions: 'Hi' },
    param: 'instructions',
    code: 'unknown_parameter',
    message: /^Unknown parameter: 'instructions'\./,
  },
]) {
  test(`${request} refuses ${JSON.stringify(body)}, and the error names the field`, async (t) => {
    verifies('R1.25');
    const engines = fakeEngines();
    engines.voice.voices = ['alloy', 'ash'];
    const server = await newServer(t, { engines: fakeEngineSet(engines), config: { models: ['gpt-realtime'] } });
    const answer = await ask(server, request, { body });
    assert.equal(answer.status, 400);
    const error = errorIn(answer);
    assert.deepEqual([error.code, error.param], [code, param]);
    assert.match(error.message, message);
  });
}

const badBodies: {
  what: string;
  body: string;
  headers?: Record<string, string>;
  status: number;
  code: string;
}[] = [
  { what: 'no JSON', body: '{', status: 400, code: 'invalid_json' },
  { what: 'no object', body: '[]', status: 400, code: 'invalid_body' },
  { what: 'too deep', body: `{"session":${'['.repeat(200)}${']'.repeat(200)}}`, status: 400, code: 'invalid_body' },
  { what: 'too many values', body: `{"a":[${'1,'.repeat(60_000)}1]}`, status: 400, code: 'invalid_body' },
  { what: 'too large', body: `{"a":"${'x'.repeat(1024 ** 2)}"}`, status: 413, code: 'too_large' },
  {
    what: 'a form',
    body: 'a=b',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    status: 415,
    code: 'unsupported_content_type',
  },
];

for (const { what, body, headers = {}, status, code } of badBodies) {
  test(`a body that is ${what} is refused with ${status}`, async (t) => {
    verifies('R1.25');
    const log = new KeptLog();
    const server = await newServer(t, { log });
    const answer = await ask(server, ga, { body, headers });
    assert.equal(answer.status, status);
    assert.equal(errorIn(answer).code, code);
    assert.deepEqual(
      log.entries.filter(({ level }) => level === 'error'),
      [],
    );
  });
}

test('keys such as __proto__ in a body are refused as unknown fields', async (t) => {
  const server = await newServer(t);
  const answer = await ask(server, ga, { body: '{"session":{"type":"realtime","__proto__":{"voice":"ash"}}}' });
  assert.equal(answer.status, 400);
  assert.equal(errorIn(answer).code, 'unknown_parameter');
});
