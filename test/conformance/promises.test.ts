/** Properties of all events of a comprehensive conversation (docs/protocol.md §3, §4, §7). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requirements } from '../../dev/harness/requirements.ts';
import { concatSamples } from '../../src/audio/pcm.ts';
import type { Item } from '../../src/protocol/index.ts';
import { BetaClient, newConversation, update, userText } from '../support/conversation.ts';
import { call, countTo, say, silence, tone } from '../support/fake-engines.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

const question = concatSamples([silence(400, 24000), tone(1200, 24000), silence(700, 24000)]);

/** A conversation with a GA and a beta peer that covers everything possible without special settings. */
async function tour() {
  const { client, clock, engines, session } = newConversation();
  const beta = new BetaClient(session);
  const heard = ['What time is it?', 'Stop.'];
  engines.transcriber.hear = () => heard.shift() ?? assert.fail('too noisy');
  await client.say(update({ audio: { input: { transcription: { model: 'whisper-1' } } } }));
  await client.speak(question);
  await clock.advance(10_000);
  engines.languageModel.script = () => say(countTo(20));
  await client.say({ type: 'response.create' });
  const { item_id } = client.last('response.output_audio.delta');
  await client.speak(question);
  await client.say({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 300 });
  await clock.advance(20_000);
  engines.languageModel.script = () => [...say('One moment.').slice(0, -1), ...call('look_up', { a: 1 })];
  const tools = [{ type: 'function', name: 'look_up' }];
  await client.say({ type: 'response.create', response: { output_modalities: ['text'], metadata: { a: 'b' }, tools } });
  await client.say({ type: 'conversation.item.retrieve', item_id });
  await client.say({ type: 'conversation.item.delete', item_id });
  await client.say(update({ audio: { input: { turn_detection: null, transcription: {} } } }));
  await client.speak(tone(200, 24000));
  await client.say({ type: 'input_audio_buffer.clear' });
  await client.speak(tone(200, 24000));
  await client.say({ type: 'input_audio_buffer.commit' });
  await client.say({ type: 'conversation.item.retrieve', item_id });
  await beta.say({ type: 'nope' });
  return { client, beta };
}

/** The document's event types of a dialect, and those of them that a socket should receive. */
const documented = (group: string) => requirements.filter(({ id }) => id.startsWith(group));
const typesOf = (group: string, which = documented(group)) => which.map(({ id }) => id.slice(group.length)).sort();

test('a conversation has only events of the document for WebSockets, and nearly all of them', async () => {
  verifies('R1.9', 'R4.11', 'R4.17', 'R7.1');
  const { client, beta } = await tour();
  for (const [events, group] of [
    [client.events, 'ga.server.'],
    [beta.events, 'beta.server.'],
  ] as const) {
    const met = new Set(events.map(({ type }) => type as string));
    const inScope = typesOf(
      group,
      documented(group).filter(({ pending }) => !/^(never|MCP|WebRTC|telephone)/.test(pending ?? '')),
    );
    assert.deepEqual(
      [...met].filter((type) => !inScope.includes(type)),
      [],
    );
    const missing = inScope.filter((type) => !met.has(type));
    // Requires another kind of session or a call, or was not requested by this client.
    const elsewhere =
      /^transcription_session\.|^output_audio_buffer\.|^response\.mcp_call|^mcp_list_tools|\.timeout_triggered$|\.segment$/;
    assert.deepEqual(
      missing.filter((type) => !elsewhere.test(type)),
      [],
    );
    for (const type of met) assert.doesNotMatch(type, elsewhere, 'it was not requested');
  }
});

test('assistant content is output_text and output_audio in items; content parts say text and audio', async () => {
  verifies('R4.8');
  const { client } = await tour();
  const kinds = (items: Item[]) =>
    items.flatMap((item) =>
      item.type === 'message' && item.role === 'assistant' ? item.content.map((part) => part.type) : [],
    );
  const items = [
    ...client.all('conversation.item.done').map(({ item }) => item),
    ...client.all('conversation.item.retrieved').map(({ item }) => item),
    ...client.all('response.output_item.done').map(({ item }) => item),
    ...client.all('response.done').flatMap(({ response }) => response.output),
  ];
  assert.deepEqual([...new Set(kinds(items))].sort(), ['output_audio', 'output_text']);
  const parts = [...client.all('response.content_part.added'), ...client.all('response.content_part.done')];
  assert.deepEqual([...new Set(parts.map(({ part }) => part.type))].sort(), ['audio', 'text']);
});

test('optional fields are absent instead of null in every item; a user audio part has its transcript', async () => {
  verifies('R4.6', 'R4.7');
  const { client } = await tour();
  let audioParts = 0;
  for (const event of client.events) {
    const items: Item[] = 'item' in event ? [event.item] : 'response' in event ? event.response.output : [];
    for (const item of items) {
      const { content = [], ...fields } = item.type === 'message' ? item : { ...item, content: undefined };
      for (const [name, value] of Object.entries(fields)) assert.notEqual(value, null, `${event.type} ${name}`);
      for (const part of content) {
        for (const [name, value] of Object.entries(part)) {
          if (name !== 'transcript') assert.notEqual(value, null, `${event.type} ${name}`);
        }
        if (part.type !== 'input_audio') continue;
        audioParts += 1;
        assert.ok('transcript' in part && part.transcript !== undefined, event.type);
      }
    }
  }
  assert.ok(audioParts > 2);
});

test('rate limits follow each response, and list requests and tokens only', async () => {
  verifies('R3.3', 'ga.server.rate_limits.updated');
  const { client } = await tour();
  let responses = 0;
  for (const [index, event] of client.events.entries()) {
    if (event.type !== 'response.done') continue;
    responses += 1;
    const next = client.events[index + 1];
    assert.ok(next?.type === 'rate_limits.updated');
    for (const { name } of next.rate_limits) assert.ok(name === 'requests' || name === 'tokens', name);
  }
  assert.equal(client.all('rate_limits.updated').length, responses);
});

test('usage has totals and both details, however the response ended', async () => {
  verifies('R3.34', 'R4.12', 'ga.server.response.created', 'ga.server.response.done');
  const { client } = await tour();
  const responses = client.all('response.done').map(({ response }) => response);
  assert.ok(new Set(responses.map(({ status }) => status)).size > 1);
  for (const { response } of [...client.all('response.created'), ...client.all('response.done')]) {
    assert.equal(response.object, 'realtime.response');
  }
  for (const { usage, status, status_details } of responses) {
    assert.ok(usage);
    assert.equal(status_details?.type ?? 'completed', status);
    const { input_token_details: input, output_token_details: output, ...totals } = usage;
    assert.equal(totals.total_tokens, totals.input_tokens + totals.output_tokens);
    assert.equal(totals.input_tokens, input.text_tokens + input.audio_tokens + input.image_tokens);
    assert.equal(totals.output_tokens, output.text_tokens + output.audio_tokens);
    assert.deepEqual(Object.keys(output).sort(), ['audio_tokens', 'text_tokens']);
    const cached = input.cached_tokens_details;
    assert.equal(input.cached_tokens, cached.text_tokens + cached.audio_tokens + cached.image_tokens);
  }
});

test('the usage of a transcription is the duration of its audio in whole seconds', async () => {
  verifies('R3.35');
  const { client } = await tour();
  const { usage, item_id } = client.all('conversation.item.input_audio_transcription.completed')[0] ?? assert.fail();
  const started = client.all('input_audio_buffer.speech_started').find((event) => event.item_id === item_id);
  const stopped = client.all('input_audio_buffer.speech_stopped').find((event) => event.item_id === item_id);
  const seconds = ((stopped?.audio_end_ms ?? 0) - (started?.audio_start_ms ?? 0)) / 1000;
  assert.deepEqual(usage, { type: 'duration', seconds: Math.ceil(seconds) });
});

test('a transcription has deltas before it ends, and a failed one ends too', async () => {
  verifies(
    'R3.9',
    'ga.server.conversation.item.input_audio_transcription.delta',
    'ga.server.conversation.item.input_audio_transcription.segment',
    'ga.server.conversation.item.input_audio_transcription.completed',
    'ga.server.conversation.item.input_audio_transcription.failed',
  );
  const { client, engines } = newConversation();
  await client.say(update({ audio: { input: { turn_detection: null, transcription: { model: 'whisper-1' } } } }));
  const outcome = async () => {
    client.forget();
    await client.speak(tone(200, 24000));
    await client.say({ type: 'input_audio_buffer.commit' });
    return client.types().slice(3);
  };
  const events = 'conversation.item.input_audio_transcription';
  assert.deepEqual(await outcome(), [`${events}.delta`, `${events}.completed`]);
  engines.transcriber.hear = () => {
    throw new Error('out of memory');
  };
  assert.deepEqual(await outcome(), [`${events}.failed`]);
  const { item_id, content_index } = client.last('conversation.item.input_audio_transcription.failed');
  assert.deepEqual([item_id, content_index], [client.last('input_audio_buffer.committed').item_id, 0]);
  engines.transcriber.transcribe = async function* () {
    yield { type: 'segment', text: 'Hello.', speaker: 'A', start: 0, end: 0.2 };
    yield { type: 'done', text: 'Hello.' };
  };
  assert.deepEqual(await outcome(), [`${events}.segment`, `${events}.completed`]);
});

test('without transcription there are no transcription events; the model gets the text', async () => {
  verifies('R2.14', 'R3.45');
  const { client, clock, engines } = newConversation();
  engines.transcriber.hear = () => 'What time is it?';
  await client.speak(question);
  await clock.advance(10_000);
  assert.ok(client.types().every((type) => !type.includes('transcription')));
  const item = await client.retrieve(client.last('input_audio_buffer.committed').item_id);
  const part = item.type === 'message' ? item.content[0] : undefined;
  assert.ok(part?.type === 'input_audio' && part.transcript === null);
  assert.deepEqual(engines.languageModel.requests[0]?.items, [
    { type: 'message', role: 'user', content: [{ type: 'text', text: 'What time is it?' }] },
  ]);
});

test('a binary frame is refused with the documented error, and the session continues', async (t) => {
  verifies('R5.13', 'R5.1');
  const { wsUrl } = await newServer(t);
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
  client.socket.send(Buffer.from([0, 255, 1]));
  const { error } = await client.until('error');
  assert.deepEqual(error, {
    type: 'invalid_request_error',
    code: 'invalid_event',
    message: 'Expected a text WebSocket message; binary frames are not supported.',
    param: null,
    event_id: null,
  });
  assert.equal((await client.ask('Still there?')).response.status, 'completed');
});

test('a beta header of another API selects the GA dialect', async (t) => {
  verifies('R1.13');
  const { wsUrl } = await newServer(t);
  const client = new WireClient(`${wsUrl}?model=gpt-realtime`, { headers: { 'OpenAI-Beta': 'assistants=v2' } });
  const { session } = await client.until('session.created');
  assert.ok('audio' in session && !('modalities' in session));
});

test('a field that cannot be changed now is refused with the documented error', async () => {
  verifies('R5.53', 'R5.54');
  const { client, engines } = newConversation();
  engines.languageModel.script = () => say(countTo(20));
  await client.say(update({ tracing: 'auto' }));
  await client.say(update({ tracing: null }));
  assert.deepEqual(
    [client.lastError().code, client.lastError().param, client.lastError().message],
    ['invalid_value', 'session.tracing', 'Tracing configuration cannot be changed once it is set.'],
  );
  await client.say(userText('Count.'));
  await client.say({ type: 'response.create' });
  await client.say(update({ audio: { output: { speed: 1.5 } } }));
  assert.deepEqual(
    [client.lastError().code, client.lastError().param, client.lastError().message],
    [
      'invalid_value',
      'session.audio.output.speed',
      'Speed can only be changed between responses, not while one is in progress.',
    ],
  );
});

test('an unknown prompt is refused by its id', async () => {
  verifies('R5.52');
  const { client } = newConversation();
  for (const [event, param] of [
    [update({ prompt: { id: 'pmpt_none' } }), 'session.prompt.id'],
    [{ type: 'response.create', response: { prompt: { id: 'pmpt_none' } } }, 'response.prompt.id'],
  ] as const) {
    await client.say(event);
    assert.deepEqual([client.lastError().code, client.lastError().param], ['invalid_value', param]);
    assert.match(client.lastError().message, /^Prompt with id 'pmpt_none' not found/);
  }
  assert.deepEqual(client.all('response.created'), []);
});
