/** The session's configuration: its defaults, and valid and invalid updates (docs/protocol.md §2). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audioOf, newConversation, update } from '../../support/conversation.ts';
import { countTo } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { pcm, updated } from './session-updates.ts';

const serverVad = {
  type: 'server_vad',
  threshold: 0.5,
  prefix_padding_ms: 300,
  silence_duration_ms: 500,
  idle_timeout_ms: null,
  create_response: true,
  interrupt_response: true,
};

const semanticVad = { type: 'semantic_vad', eagerness: 'auto', create_response: true, interrupt_response: true };

test('session.created has every field, with its default', () => {
  verifies('R2.1', 'ga.server.session.created');
  const { client, session, clock } = newConversation();
  assert.deepEqual(client.types(), ['session.created']);
  assert.deepEqual(client.last('session.created').session, {
    type: 'realtime',
    object: 'realtime.session',
    id: session.id,
    model: 'gpt-realtime',
    output_modalities: ['audio'],
    instructions: '',
    tools: [],
    tool_choice: 'auto',
    max_output_tokens: 'inf',
    tracing: null,
    truncation: 'auto',
    prompt: null,
    expires_at: Math.floor(clock.epochMs() / 1000) + 3600,
    include: null,
    audio: {
      input: { format: pcm, transcription: null, noise_reduction: null, turn_detection: serverVad },
      output: { format: pcm, voice: 'alloy', speed: 1 },
    },
  });
});

test('session.updated has the whole session, and an empty update changes nothing', async () => {
  verifies('R2.7', 'ga.client.session.update', 'ga.server.session.updated');
  const { client } = newConversation();
  const { session: created } = client.last('session.created');
  assert.deepEqual(await updated(client, {}), created);
});

const tools = [{ type: 'function', name: 'look_up', description: 'Looks it up.', parameters: { type: 'object' } }];

test('audio, audio.input and audio.output are merged by key', async () => {
  verifies('R2.2', 'R2.4');
  const { client } = newConversation();
  await updated(client, { audio: { input: { transcription: { model: 'whisper-1', language: 'en' } } } });
  await updated(client, { audio: { output: { voice: 'marin' } }, instructions: 'Be brief.', tools });
  const {
    audio,
    instructions,
    tools: kept,
  } = await updated(client, {
    audio: { input: { noise_reduction: { type: 'near_field' } }, output: { speed: 1.2 } },
  });
  assert.deepEqual(audio, {
    input: {
      format: pcm,
      transcription: { model: 'whisper-1', language: 'en', prompt: null },
      noise_reduction: { type: 'near_field' },
      turn_detection: serverVad,
    },
    output: { format: pcm, voice: 'marin', speed: 1.2 },
  });
  assert.deepEqual([instructions, kept], ['Be brief.', tools]);
});

test('other objects are replaced, with the defaults of the new type', async () => {
  verifies('R2.5');
  const { client } = newConversation();
  await updated(client, {
    audio: { input: { turn_detection: { type: 'server_vad', threshold: 0.8 }, transcription: { language: 'en' } } },
    tools,
    tool_choice: { type: 'function', name: 'look_up' },
    truncation: { type: 'retention_ratio', retention_ratio: 0.8 },
  });
  const semantic = await updated(client, {
    audio: { input: { turn_detection: { type: 'semantic_vad' }, transcription: { model: 'whisper-1' } } },
    tools: [{ type: 'function', name: 'other' }],
    tool_choice: 'required',
    truncation: 'disabled',
  });
  assert.deepEqual(semantic.audio.input.turn_detection, semanticVad);
  assert.deepEqual(semantic.audio.input.transcription, { model: 'whisper-1', language: null, prompt: null });
  assert.deepEqual(semantic.tools, [{ type: 'function', name: 'other', description: null }]);
  assert.deepEqual([semantic.tool_choice, semantic.truncation], ['required', 'disabled']);
  const back = await updated(client, { audio: { input: { turn_detection: { type: 'server_vad' } } } });
  assert.deepEqual(back.audio.input.turn_detection, serverVad);
});

test('noise reduction without a strength keeps the current one', async () => {
  verifies('R2.6');
  const { client } = newConversation();
  const shown = async (noise_reduction: object | null) =>
    (await updated(client, { audio: { input: { noise_reduction } } })).audio.input.noise_reduction;
  assert.deepEqual(await shown({ type: 'near_field' }), { type: 'near_field' });
  assert.deepEqual(await shown({ type: 'near_field', strength: 0.4 }), { type: 'near_field', strength: 0.4 });
  assert.deepEqual(await shown({ type: 'far_field' }), { type: 'far_field', strength: 0.4 });
  assert.equal(await shown(null), null);
  assert.deepEqual(await shown({ type: 'far_field' }), { type: 'far_field' });
});

test('defaults are sent as null, and a client may send them back', async () => {
  verifies('R2.7');
  const { client, engines } = newConversation();
  const shown = await updated(client, {
    audio: { input: { transcription: { model: 'whisper-1' } } },
    tools: [{ type: 'function', name: 'look_up' }],
  });
  assert.deepEqual(shown.audio.input.transcription, { model: 'whisper-1', language: null, prompt: null });
  assert.deepEqual(shown.tools, [{ type: 'function', name: 'look_up', description: null }]);
  const { id: _id, object: _object, expires_at: _expiry, ...fields } = shown;
  assert.deepEqual(await updated(client, fields), shown);
  await client.say({ type: 'response.create' });
  assert.deepEqual(engines.languageModel.requests.at(-1)?.tools, [{ name: 'look_up' }]);
});

test('null, empty text and empty lists clear a field', async () => {
  verifies('R2.6');
  const { client } = newConversation();
  await updated(client, {
    instructions: 'Be brief.',
    tools,
    include: ['item.input_audio_transcription.logprobs'],
    audio: { input: { transcription: { model: 'whisper-1' }, noise_reduction: { type: 'far_field' } } },
  });
  const cleared = await updated(client, {
    instructions: '',
    tools: [],
    prompt: null,
    include: null,
    tracing: null,
    audio: { input: { transcription: null, noise_reduction: null, turn_detection: null } },
  });
  assert.deepEqual(
    [cleared.instructions, cleared.tools, cleared.prompt, cleared.include, cleared.tracing],
    ['', [], null, null, null],
  );
  assert.deepEqual(cleared.audio.input, {
    format: pcm,
    transcription: null,
    noise_reduction: null,
    turn_detection: null,
  });
});

test('an update with an invalid field is refused as a whole', async () => {
  verifies('R2.3');
  const { client } = newConversation();
  const before = await updated(client, { instructions: 'Be brief.', tracing: 'auto' });
  for (const bad of [
    { instructions: 'Other.', audio: { input: { turn_detection: null }, output: { speed: 9 } } },
    { instructions: 'Other.', bogus: 1 },
    { instructions: 'Other.', tracing: null },
  ]) {
    await client.say(update(bad));
    assert.equal(client.types().at(-1), 'error');
  }
  assert.deepEqual(await updated(client, {}), before);
});

// First updates of common clients: the official agents SDKs, LiveKit, Pipecat and telephony samples (docs/protocol.md
// §2).
const firstUpdates: Record<string, object[]> = {
  'the agents SDK': [
    {
      type: 'realtime',
      instructions: 'Be kind.',
      model: 'gpt-realtime-2.1',
      output_modalities: ['audio'],
      audio: {
        input: {
          format: pcm,
          noise_reduction: null,
          transcription: { model: 'gpt-4o-mini-transcribe' },
          turn_detection: { type: 'semantic_vad' },
        },
        output: { format: pcm, speed: 1 },
      },
      tools: [{ ...tools[0], strict: true }],
    },
    { type: 'realtime', tracing: 'auto' },
    { type: 'realtime', tracing: 'auto' },
  ],
  'a framework with partial updates': [
    {
      type: 'realtime',
      model: 'gpt-realtime',
      output_modalities: ['audio'],
      audio: {
        input: { format: pcm, turn_detection: { ...semanticVad, eagerness: 'medium' } },
        output: { format: pcm, voice: 'marin' },
      },
      max_output_tokens: 'inf',
      tool_choice: 'auto',
    },
    { type: 'realtime', model: 'gpt-realtime', tools },
    { type: 'realtime', instructions: 'Be kind.' },
    { type: 'realtime', tool_choice: 'none' },
  ],
  'one that relies on defaults': [{ type: 'realtime', model: 'gpt-realtime-2.1' }],
  telephony: [
    {
      type: 'realtime',
      audio: {
        input: { format: { type: 'audio/pcmu' }, turn_detection: { type: 'server_vad' } },
        output: { format: { type: 'audio/pcmu' }, voice: 'alloy' },
      },
    },
  ],
};

for (const [name, sessions] of Object.entries(firstUpdates)) {
  test(`the first update of ${name} is accepted; the model of the connection stays`, async () => {
    verifies('R2.8', 'R2.13', 'R2.17', 'R4.10');
    const { client } = newConversation();
    for (const session of sessions) assert.equal((await updated(client, session)).model, 'gpt-realtime');
  });
}

test('all ten voices and a custom one are accepted', async () => {
  verifies('R2.10');
  const { client } = newConversation();
  const names = ['alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse', 'marin', 'cedar'];
  for (const voice of [...names, { id: 'voice_1234' }]) {
    const { audio } = await updated(client, { audio: { output: { voice } } });
    assert.deepEqual(audio.output.voice, voice);
  }
});

test('the voice can be changed until the first audio, then only the same one is accepted', async () => {
  verifies('R2.9', 'R5.30');
  const { client, clock, engines } = newConversation();
  engines.languageModel.script = () => [
    { type: 'text', text: countTo(20) },
    { type: 'finish', reason: 'stop' },
  ];
  await client.say({ type: 'response.create', response: { output_modalities: ['text'] } });
  await client.say({ type: 'response.create', response: { conversation: 'none' } });
  await clock.advance(20_000);
  await updated(client, { audio: { output: { voice: 'marin' } } });

  await client.say({ type: 'response.create' });
  assert.ok(client.last('response.output_audio.delta'));
  for (const when of ['while it is spoken', 'afterwards']) {
    await client.say(update({ audio: { output: { voice: 'cedar' } } }));
    const { code, param, message } = client.lastError();
    assert.deepEqual(
      { code, param, message },
      {
        code: 'cannot_update_voice',
        param: null,
        message: "Cannot update a conversation's voice if assistant audio is present.",
      },
      when,
    );
    await updated(client, { audio: { output: { voice: 'marin' } } });
    await clock.advance(20_000);
  }
  assert.deepEqual([...new Set(engines.voice.spoken.map((each) => each.voice))], ['alloy', 'marin']);
});

test('the speed can be changed between responses only, and reaches the voice', async () => {
  verifies('R2.11');
  const { client, clock, engines } = newConversation();
  engines.languageModel.script = () => [
    { type: 'text', text: countTo(20) },
    { type: 'finish', reason: 'stop' },
  ];
  await client.say({ type: 'response.create' });
  await client.say(update({ audio: { output: { speed: 1.5 } } }));
  assert.equal(client.lastError().param, 'session.audio.output.speed');
  await updated(client, { audio: { output: { speed: 1 } } });
  await clock.advance(20_000);
  await updated(client, { audio: { output: { speed: 1.5 } } });
  await client.say({ type: 'response.create' });
  assert.equal(engines.voice.spoken.at(-1)?.speed, 1.5);
});

test('tracing cannot be changed once it is set; the same value is accepted', async () => {
  verifies('R2.12');
  const { client } = newConversation();
  const tracing = { workflow_name: 'w', group_id: 'g', metadata: { a: 1 } };
  await updated(client, { tracing: null });
  assert.deepEqual((await updated(client, { tracing })).tracing, tracing);
  await updated(client, { tracing });
  for (const other of ['auto', null, { workflow_name: 'x' }]) {
    await client.say(update({ tracing: other }));
    assert.equal(client.lastError().param, 'session.tracing');
  }
});

test('an update during a response does not affect that response', async () => {
  verifies('R2.19');
  const { client, clock, engines } = newConversation();
  engines.languageModel.script = () => [
    { type: 'text', text: countTo(20) },
    { type: 'finish', reason: 'stop' },
  ];
  await client.say({ type: 'response.create' });
  await client.say(update({ output_modalities: ['text'], audio: { output: { format: { type: 'audio/pcmu' } } } }));
  await clock.advance(20_000);
  const { response } = client.last('response.done');
  assert.deepEqual([response.output_modalities, response.audio.output.format], [['audio'], pcm]);
  const bytes = client.all('response.output_audio.delta').map((event) => Buffer.from(event.delta, 'base64').length);
  assert.equal(
    bytes.reduce((sum, count) => sum + count, 0),
    10_000 * 48,
  );
  const [item] = response.output;
  assert.equal(audioOf(await client.retrieve(item?.id ?? '')).length, 10_000 * 48, 'and is retrieved as it was sent');
});

test('an unknown voice or prompt is refused', async () => {
  verifies('R5.51');
  const { client, engines } = newConversation();
  engines.voice.voices = ['alloy', 'marin'];
  await client.say(update({ audio: { output: { voice: 'nobody' } } }));
  assert.deepEqual(
    [client.lastError().code, client.lastError().param, client.lastError().message],
    [
      'invalid_value',
      'session.audio.output.voice',
      "Invalid value: 'nobody'. Supported values are: 'alloy' and 'marin'.",
    ],
  );
  await client.say({ type: 'response.create', response: { audio: { output: { voice: 'nobody' } } } });
  assert.equal(client.lastError().param, 'response.audio.output.voice');
  await client.say(update({ prompt: { id: 'pmpt_1' } }));
  assert.deepEqual([client.lastError().code, client.lastError().param], ['invalid_value', 'session.prompt.id']);
  client.forget();
  await client.say(update({ audio: { output: { voice: 'marin' } } }));
  await client.say(update({ audio: { output: { voice: { id: 'voice_of_my_own' } } } }));
  assert.deepEqual(client.types(), ['session.updated', 'session.updated']);
});
