/** Fields that a client secret locks: the initial session, refused updates, and its duration. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSessionPath } from '../../../src/protocol/wire/session-paths.ts';
import type { SessionGrant } from '../../../src/session/settings.ts';
import { BetaClient, newConversation, update } from '../../support/conversation.ts';
import { verifies } from '../../support/verifies.ts';

const parameters = { type: 'object', properties: {} };
const tools = [{ type: 'function' as const, name: 'look_up', parameters, strict: undefined }];
const initial = {
  type: 'realtime' as const,
  instructions: 'Be kind.',
  tools,
  audio: { output: { voice: 'marin' as const } },
};

function granted(grant: SessionGrant) {
  const conversation = newConversation({}, { grant });
  return { ...conversation, beta: new BetaClient(conversation.session) };
}

test('a session starts with the configuration of its secret', () => {
  const { client, beta } = granted({ initial });
  const { session } = client.last('session.created');
  assert.ok(session.type === 'realtime');
  assert.deepEqual(
    [session.instructions, session.tools, session.audio.output.voice, session.audio.output.speed],
    ['Be kind.', [{ type: 'function', name: 'look_up', description: null, parameters }], 'marin', 1],
  );
  assert.equal(beta.last('session.created').session.voice, 'marin');
});

test('a locked field cannot be changed by any of its names; the update is refused as a whole', async () => {
  verifies('R2.24', 'R5.66');
  const { client, beta } = granted({ initial, locked: ['instructions', 'audio.output', 'temperature'] });
  const cases: [object, string][] = [
    [{ instructions: '' }, 'session.instructions'],
    [{ audio: { output: { voice: 'ash' } } }, 'session.audio.output.voice'],
    [{ audio: { output: { speed: 1.2 } } }, 'session.audio.output.speed'],
    [{ audio: { output: { format: { type: 'audio/pcmu' } } } }, 'session.audio.output.format'],
  ];
  for (const [session, param] of cases) {
    await client.say(update({ ...session, max_output_tokens: 7 }));
    const { code, message, param: named } = client.lastError();
    assert.deepEqual([code, named], ['parameter_locked', param]);
    assert.equal(message, `Cannot change '${param}': it is locked by the client secret of this session.`);
  }
  for (const [session, param] of [
    [{ voice: 'ash' }, 'session.voice'],
    [{ output_audio_format: 'g711_ulaw' }, 'session.output_audio_format'],
    [{ temperature: 1 }, 'session.temperature'],
  ] as const) {
    await beta.say({ type: 'session.update', session });
    const { error } = beta.last('error');
    assert.deepEqual([error.code, error.param], ['parameter_locked', param]);
    assert.match(error.message, new RegExp(`'${param}'`));
  }
  assert.deepEqual(client.all('session.updated'), []);
  await client.say(update({ tool_choice: 'none' }));
  const { session } = client.last('session.updated');
  assert.ok(session.type === 'realtime');
  assert.deepEqual([session.max_output_tokens, session.tool_choice], ['inf', 'none'], 'what is not locked is free');
});

test('an unchanged locked value is accepted, whatever the order of its keys', async () => {
  verifies('R2.24');
  const { client } = granted({ initial, locked: ['instructions', 'tools', 'audio'] });
  const [tool] = tools;
  const reordered = { parameters: { properties: {}, type: 'object' }, name: tool?.name, type: 'function' };
  const session = {
    instructions: 'Be kind.',
    tools: [reordered],
    audio: { output: { voice: 'marin' }, input: { format: { type: 'audio/pcm', rate: 24000 } } },
  };
  await client.say(update(session));
  assert.deepEqual(client.types(), ['session.created', 'session.updated']);
  await client.say(update({ tools: [reordered, reordered] }));
  await client.say(update({ audio: { input: { turn_detection: null } } }));
  assert.deepEqual(
    client.all('error').map(({ error }) => error.param),
    ['session.tools', 'session.audio.input.turn_detection'],
  );
});

test('a response cannot override a locked field', async () => {
  verifies('R2.24', 'R5.66');
  const locked = ['instructions', 'tools', 'tool_choice', 'max_output_tokens', 'output_modalities', 'prompt', 'audio'];
  const { client, beta } = granted({ initial, locked });
  const cases: [object, string][] = [
    [{ instructions: 'Be rude.' }, 'response.instructions'],
    [{ tools: [] }, 'response.tools'],
    [{ tool_choice: 'none' }, 'response.tool_choice'],
    [{ max_output_tokens: 1 }, 'response.max_output_tokens'],
    [{ output_modalities: ['text'] }, 'response.output_modalities'],
    [{ prompt: { id: 'pmpt_1' } }, 'response.prompt'],
    [{ audio: { output: { voice: 'ash' } } }, 'response.audio.output.voice'],
  ];
  for (const conversation of ['auto', 'none']) {
    for (const [response, param] of cases) {
      await client.say({ type: 'response.create', response: { ...response, conversation } });
      assert.deepEqual([client.lastError().code, client.lastError().param], ['parameter_locked', param]);
    }
  }
  await beta.say({ type: 'response.create', response: { modalities: ['text'] } });
  assert.equal(beta.last('error').error.param, 'response.modalities');
  await beta.say({ type: 'response.create', response: { voice: 'ash' } });
  assert.equal(beta.last('error').error.param, 'response.voice');
  assert.deepEqual(client.all('response.created'), []);

  await client.say({ type: 'response.create', response: { instructions: 'Be kind.', tools, metadata: { a: 'b' } } });
  assert.equal(client.all('response.created').length, 1, 'the same values pass');
});

test('locking the instructions also locks the prompt, and vice versa, because one can replace the other', async () => {
  verifies('R2.24');
  for (const locked of ['instructions', 'prompt']) {
    const prompt = { id: 'shop', instructions: 'Sell tea.' };
    const grant: SessionGrant = {
      initial: { type: 'realtime', ...(locked === 'prompt' && { prompt: { id: 'shop' } }) },
      locked: [locked],
    };
    const { client } = newConversation({ prompts: [prompt] }, { grant });
    const other = locked === 'prompt' ? { instructions: 'Sell guns.' } : { prompt: { id: 'shop' } };
    await client.say(update(other));
    assert.deepEqual(
      [client.lastError().code, client.lastError().param],
      ['parameter_locked', `session.${Object.keys(other)[0]}`],
    );
    await client.say({ type: 'response.create', response: other });
    assert.deepEqual(client.lastError().param, `response.${Object.keys(other)[0]}`);
    assert.deepEqual(client.all('response.created'), []);
  }
});

test('a transcription session locks the fields that it has', async () => {
  const grant: SessionGrant = {
    initial: { type: 'transcription', audio: { input: { transcription: { language: 'en' } } } },
    locked: ['audio.input.transcription'],
  };
  const { client } = newConversation({}, { type: 'transcription', grant });
  const updated = (transcription: object) => ({
    type: 'session.update',
    session: { type: 'transcription', audio: { input: { transcription } } },
  });
  await client.say(updated({ language: 'de' }));
  assert.equal(client.lastError().param, 'session.audio.input.transcription');
  await client.say(updated({ language: 'en' }));
  assert.equal(client.all('session.updated').length, 1);
});

test('a path can be locked if the session has such a field or group', () => {
  for (const path of ['instructions', 'tools', 'audio', 'audio.output', 'audio.output.voice', 'include', 'prompt']) {
    assert.ok(isSessionPath(path), path);
  }
  for (const path of ['', 'id', 'voice', 'audio.', 'audio.output.voice.id', 'session.tools', 'constructor']) {
    assert.ok(!isSessionPath(path), path);
  }
  assert.ok(isSessionPath('audio.input', 'transcription'));
  assert.ok(!isSessionPath('audio.output', 'transcription'));
  assert.ok(!isSessionPath('tools', 'transcription'));
});

test('a secret can shorten the duration of a session, but not extend it', async () => {
  verifies('R2.25', 'R5.38');
  for (const [maxSeconds, seconds, words] of [
    [90, 90, '90 seconds'],
    [60, 60, '1 minute'],
    [1, 1, '1 second'],
    [7200, 600, '10 minutes'],
  ] as const) {
    const { client, clock } = newConversation({ sessionMinutes: 10 }, { grant: { maxSeconds } });
    assert.equal(client.last('session.created').session.expires_at * 1000, clock.epochMs() + seconds * 1000);
    await clock.advance(seconds * 1000 - 1);
    assert.equal(client.closed, undefined);
    await clock.advance(1);
    const reason = `Your session hit the maximum duration of ${words}.`;
    assert.equal(client.lastError().message, reason);
    assert.deepEqual(client.closed, { code: 1001, reason });
  }
});

test('an unknown voice fails the response, not the session', async () => {
  const { client, engines, log } = granted({
    initial: { type: 'realtime', audio: { output: { voice: 'a voice of yesterday' } } },
  });
  engines.voice.speak = () => {
    throw new Error('There is no such voice.');
  };
  await client.say({ type: 'response.create' });
  assert.equal(client.last('response.done').response.status, 'failed');
  await client.say({ type: 'response.create', response: { output_modalities: ['text'] } });
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.deepEqual(log.faults, []);
});
