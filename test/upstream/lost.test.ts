/**
 * Events for clients when the connection to an upstream is lost, and when the upstream ends a session
 * (docs/upstream.md).
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Observation } from '../../src/session/ports/observer.ts';
import { verifies } from '../support/verifies.ts';
import { responseOf, type UpstreamSide, upstreamSession } from './support/fake-upstream.ts';
import { AttachedPeer, beta, liveSession, type Relayed } from './support/peers.ts';

/** More than the maximum delay before a first attempt. */
const firstTryMs = 250;

/** Waits until the log has this number of entries of an event. */
async function logged({ log }: Relayed, event: string, count: number): Promise<void> {
  while (log.entries.filter((entry) => entry.event === event).length < count) await setImmediate();
}

async function again({ clock, upstream, log }: Relayed): Promise<UpstreamSide> {
  await log.entry('upstream_lost');
  await clock.advance(firstTryMs);
  return upstream.connection();
}

const message = (id: string, role: string, content: object[]) => ({
  ...{ id, object: 'realtime.item', type: 'message', status: 'completed', role, content },
});

function addItem(side: UpstreamSide, item: object, previous_item_id: string | null): void {
  side.send(
    { type: 'conversation.item.added', previous_item_id, item },
    { type: 'conversation.item.done', previous_item_id, item },
  );
}

test('a running response ends as failed, in order, and the session continues with its transcript', async (t) => {
  verifies('R3.63', 'R5.80');
  const relayed = await liveSession(t);
  const { side, client, session } = relayed;
  const old = new AttachedPeer(session, beta);
  addItem(side, message('item_text', 'user', [{ type: 'input_text', text: 'Hello.' }]), null);
  addItem(side, message('item_heard', 'user', [{ type: 'input_audio', transcript: null }]), 'item_text');
  const transcription = {
    item_id: 'item_heard',
    content_index: 0,
    transcript: 'How are you?',
    usage: { type: 'duration', seconds: 1 },
  };
  side.send({ type: 'conversation.item.input_audio_transcription.completed', ...transcription });
  addItem(side, message('item_unheard', 'user', [{ type: 'input_audio', transcript: null }]), 'item_heard');
  side.beginResponse('Fine, thank', 'item_unheard');
  await client.next('response.output_audio.delta');
  const from = client.events.length;
  const oldFrom = old.events.length;
  side.socket.terminate();

  const done = await client.next('response.done', from);
  assert.deepEqual(client.types(from), [
    'response.output_audio.done',
    'response.output_audio_transcript.done',
    'response.content_part.done',
    'conversation.item.done',
    'response.output_item.done',
    'response.done',
  ]);
  const { status, status_details, output, usage, conversation_id } = Object(done.response);
  assert.deepEqual([status, conversation_id, usage.total_tokens], ['failed', 'conv_up', 0]);
  assert.deepEqual(status_details, {
    type: 'failed',
    error: {
      type: 'server_error',
      code: 'upstream_disconnected',
      message: "The connection to the upstream 'fake' was lost during the response.",
    },
  });
  assert.deepEqual(
    [output[0].status, output[0].content],
    ['incomplete', [{ type: 'output_audio', transcript: 'Fine, thank' }]],
  );
  assert.deepEqual(old.types(oldFrom), [
    'response.audio.done',
    'response.audio_transcript.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.done',
  ]);

  const next = await again(relayed);
  const { update, items } = await next.takeRestoring(4);
  const {
    id: _id,
    object: _object,
    model: _model,
    expires_at: _at,
    tracing: _t,
    prompt: _p,
    include: _i,
    ...rest
  } = upstreamSession;
  const { idle_timeout_ms: _none, ...detection } = rest.audio.input.turn_detection;
  assert.deepEqual(update, {
    ...rest,
    audio: { ...rest.audio, input: { format: rest.audio.input.format, turn_detection: detection } },
  });
  const text = (id: string, role: string, type: string, words: string) => ({
    id,
    type: 'message',
    role,
    content: [{ type, text: words }],
  });
  assert.deepEqual(items, [
    text('item_text', 'user', 'input_text', 'Hello.'),
    text('item_heard', 'user', 'input_text', 'How are you?'),
    text('item_unheard', 'user', 'input_text', '[The user said something here; what it was is not known.]'),
    text('item_answer', 'assistant', 'output_text', 'Fine, thank'),
  ]);

  const updated = await client.next('session.updated', from);
  assert.equal(Object(updated.session).id, 'sess_up_1', 'for its clients it is the same session');
  assert.deepEqual(client.types(from + 6), ['session.updated'], 'no other event is sent');
  client.post({ type: 'response.create' });
  await next.next('response.create');
  next.send({
    type: 'response.created',
    response: responseOf('in_progress', { id: 'resp_2', conversation_id: 'conv_other' }),
  });
  const created = await client.next('response.created', from);
  assert.equal(Object(created.response).conversation_id, 'conv_up');
});

test('a truncated call has no arguments.done, and is deleted', async (t) => {
  const relayed = await liveSession(t);
  const { side, client } = relayed;
  const at = { response_id: 'resp_up', output_index: 0 };
  const item = {
    id: 'item_call',
    object: 'realtime.item',
    type: 'function_call',
    status: 'in_progress',
    name: 'f',
    call_id: 'call_1',
    arguments: '',
  };
  side.send(
    { type: 'response.created', response: responseOf('in_progress') },
    { type: 'response.output_item.added', ...at, item },
    { type: 'conversation.item.added', previous_item_id: null, item },
    { type: 'response.function_call_arguments.delta', ...at, item_id: 'item_call', call_id: 'call_1', delta: '{"a":' },
  );
  await client.next('response.function_call_arguments.delta');
  const from = client.events.length;
  side.socket.terminate();
  await (await again(relayed)).takeRestoring(0);
  await client.next('session.updated', from);
  assert.deepEqual(client.types(from), [
    'conversation.item.done',
    'response.output_item.done',
    'response.done',
    'conversation.item.deleted',
    'session.updated',
  ]);
});

test('a running tool of the upstream fails, and is restored in the next session as failed', async (t) => {
  const failures: unknown[] = [];
  const observers = [
    { observe: (each: Observation) => each.type === 'tool_call_done' && failures.push([each.itemId, each.error]) },
  ];
  const relayed = await liveSession(t, { observers });
  const { side, client } = relayed;
  const item = { id: 'item_call', type: 'mcp_call', server_label: 'docs', name: 'search', arguments: '', output: null };
  side.send(
    { type: 'response.created', response: responseOf('in_progress') },
    { type: 'response.output_item.added', response_id: 'resp_1', output_index: 0, item },
    { type: 'conversation.item.added', previous_item_id: null, item },
    {
      type: 'response.mcp_call_arguments.done',
      response_id: 'resp_1',
      item_id: item.id,
      output_index: 0,
      arguments: '{}',
    },
    { type: 'response.mcp_call.in_progress', item_id: item.id, output_index: 0 },
    { type: 'response.output_item.done', response_id: 'resp_1', output_index: 0, item: { ...item, arguments: '{}' } },
    { type: 'response.done', response: responseOf('completed') },
  );
  await client.next('response.done');
  const from = client.events.length;
  side.socket.terminate();
  await client.next('response.mcp_call.failed');
  assert.deepEqual(client.types(from), ['conversation.item.done', 'response.mcp_call.failed']);
  const error = {
    type: 'tool_execution_error',
    message: 'The connection to the upstream was lost before the tool had answered.',
  };
  const failed = { ...item, arguments: '{}', error };
  assert.deepEqual(Object(client.events[from]).item, failed);
  assert.deepEqual(failures, [['item_call', 'tool_execution_error']]);
  const next = await again(relayed);
  assert.deepEqual((await next.takeRestoring(1)).items, [failed]);
});

test('uncommitted audio is cleared, and pending transcriptions fail', async (t) => {
  const relayed = await liveSession(t);
  const { side, client } = relayed;
  const { audio } = upstreamSession;
  const transcribing = {
    ...upstreamSession,
    audio: { ...audio, input: { ...audio.input, transcription: { model: 'whisper-1' } } },
  };
  side.send({ type: 'session.updated', session: transcribing });
  side.send({ type: 'input_audio_buffer.committed', previous_item_id: null, item_id: 'item_1' });
  await client.next('input_audio_buffer.committed');
  client.post({ type: 'input_audio_buffer.append', audio: 'AAAA' });
  await side.next('input_audio_buffer.append');
  const from = client.events.length;
  side.socket.terminate();
  await client.next('input_audio_buffer.cleared');
  assert.deepEqual(client.types(from), [
    'conversation.item.input_audio_transcription.failed',
    'input_audio_buffer.cleared',
  ]);
});

test('unanswered requests are sent again, before later events', async (t) => {
  const relayed = await liveSession(t);
  const { side, client, session } = relayed;
  client.post({
    type: 'conversation.item.create',
    event_id: 'a',
    item: { type: 'message', role: 'user', content: [] },
  });
  client.post({ type: 'response.create', event_id: 'b' });
  client.post({ type: 'response.cancel' });
  await side.next('response.cancel');
  side.socket.terminate();
  await relayed.log.entry('upstream_lost');
  client.post({ type: 'input_audio_buffer.append', audio: 'AAAA' });
  client.post({ type: 'input_audio_buffer.clear' });
  const late = new AttachedPeer(session);
  assert.deepEqual(late.types(), ['session.created'], 'the session continues for a new client');
  const next = await again(relayed);
  await next.takeRestoring(0);
  await next.next('input_audio_buffer.clear');
  assert.deepEqual(
    next.received.map(({ type }) => type),
    [
      'session.update',
      'conversation.item.create',
      'response.create',
      'input_audio_buffer.append',
      'input_audio_buffer.clear',
    ],
  );
  const event_id = next.received[1]?.event_id;
  next.send({
    type: 'error',
    error: { type: 'invalid_request_error', code: 'x', message: 'No.', param: null, event_id },
  });
  assert.equal(Object((await client.next('error')).error).event_id, 'a');
});

test('an item that the new session refuses is deleted', async (t) => {
  const relayed = await liveSession(t);
  const { side, client } = relayed;
  addItem(side, message('item_text', 'user', [{ type: 'input_text', text: 'Hello.' }]), null);
  await client.next('conversation.item.done');
  side.socket.terminate();
  const next = await again(relayed);
  next.create();
  await next.next('session.update');
  next.send({ type: 'session.updated', session: upstreamSession });
  const { event_id } = await next.next('conversation.item.create');
  next.send({
    type: 'error',
    error: { type: 'invalid_request_error', code: 'x', message: 'No.', param: null, event_id },
  });
  await client.next('session.updated');
  assert.equal((await client.next('conversation.item.deleted')).item_id, 'item_text');
  assert.equal(client.types().includes('error'), false);
});

test('a truncation of restored audio is answered, though the new session has only its text', async (t) => {
  const relayed = await liveSession(t);
  const { side, client } = relayed;
  side.beginResponse();
  await client.next('response.output_audio.delta');
  side.socket.terminate();
  const next = await again(relayed);
  await next.takeRestoring(1);
  await client.next('session.updated');
  client.post({ type: 'conversation.item.truncate', item_id: 'item_answer', content_index: 0, audio_end_ms: 10 });
  const { audio_end_ms, item_id } = await client.next('conversation.item.truncated');
  assert.deepEqual([item_id, audio_end_ms], ['item_answer', 10]);
  client.post({ type: 'input_audio_buffer.clear' });
  await next.next('input_audio_buffer.clear');
  assert.equal(
    next.received.some(({ type }) => type === 'conversation.item.truncate'),
    false,
  );
});

test('a response with interrupted playback is restored up to the played part', async (t) => {
  const relayed = await liveSession(t);
  const { side, client } = relayed;
  side.beginResponse('One two three four');
  side.send({ type: 'conversation.item.truncated', item_id: 'item_answer', content_index: 0, audio_end_ms: 4 });
  await client.next('conversation.item.truncated');
  side.socket.terminate();
  const { items } = await (await again(relayed)).takeRestoring(1);
  assert.deepEqual(items[0]?.content, [{ type: 'output_text', text: 'One two three' }]);
});

test('an unavailable upstream: some attempts, then an error and the end', async (t) => {
  verifies('R5.79');
  const relayed = await liveSession(t, { limits: { upstreamRetries: 3 } });
  const { side, client, upstream, clock, log } = relayed;
  upstream.stop();
  side.socket.terminate();
  await log.entry('upstream_lost');
  assert.deepEqual(client.types(), ['session.created'], 'nothing is said while there is hope');
  for (let failed = 1; failed <= 3; failed += 1) {
    await clock.advance(1000);
    if (failed < 3) await logged(relayed, 'upstream_retrying', failed);
  }
  await client.closing();
  const tries = log.entries.filter(({ event }) => event === 'upstream_retrying' || event === 'upstream_failed');
  assert.deepEqual(
    tries.map(({ event, details }) => [event, Object(details).attempt, Object(details).of]),
    [
      ['upstream_retrying', 2, 3],
      ['upstream_retrying', 3, 3],
      ['upstream_failed', undefined, undefined],
    ],
  );
  const { error } = await client.next('error');
  assert.deepEqual(
    [Object(error).code, Object(error).message],
    ['upstream_unavailable', "The upstream 'fake' is unavailable: it refuses connections."],
  );
  assert.deepEqual(client.closed, { code: 1014, reason: 'server_error.upstream_unavailable' });
});

test('reconnecting stops if connections never last', async (t) => {
  const relayed = await liveSession(t, { limits: { upstreamRetries: 2 } });
  const { client, upstream, clock } = relayed;
  let { side } = relayed;
  for (let round = 0; round < 2; round += 1) {
    const from = client.events.length;
    side.socket.terminate();
    await logged(relayed, 'upstream_lost', round + 1);
    await clock.advance(500);
    side = await upstream.connection();
    await side.takeRestoring(0);
    await client.next('session.updated', from);
  }
  side.socket.terminate();
  assert.equal((await client.closing()).code, 1014);
});

for (const [code, reason] of [
  [1000, ''],
  [1008, 'too much'],
  [3000, 'invalid_request_error.token_expired'],
  [4000, 'invalid_request_error.invalid_model'],
] as const) {
  test(`an upstream that ends the session with ${code} ends it for the clients`, async (t) => {
    const { side, client, session } = await liveSession(t);
    side.socket.close(code, reason);
    assert.deepEqual(await client.closing(), { code, reason });
    await session.ended;
  });
}

test('an upstream that does not answer pings counts as lost', async (t) => {
  const { side, client, clock, log } = await liveSession(t);
  side.socket.pause();
  for (let round = 0; round < 3; round += 1) await clock.advance(20_000);
  await log.entry('upstream_lost');
  assert.equal(client.closed, undefined);
});
