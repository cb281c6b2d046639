/** Properties of every conversation, whatever its client does: random events and silences, replayed on a fake clock. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { concatSamples } from '../../src/audio/pcm.ts';
import type { Item } from '../../src/protocol/index.ts';
import type { ModelEvent } from '../../src/session/ports/language-model.ts';
import { BetaClient, type Client, newConversation, update, userText } from '../support/conversation.ts';
import { call, countTo, type FakeModel, say, silence, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

type Step = (client: Client, clock: { advance(ms: number): Promise<void> }) => Promise<void>;

const step = <T>(inputs: fc.Arbitrary<T>, name: string, run: (input: T, client: Client) => Promise<void>) =>
  inputs.map((input) => ({ name: `${name} ${JSON.stringify(input)}`, run: ((client) => run(input, client)) as Step }));
const send = (name: string, event: object) => step(fc.constant(event), name, (each, client) => client.say(each));

/** Refers by number to one of the items or responses that the client knows, so that a failing case can be replayed. */
const some = <T>(all: readonly T[], pick: number): T | undefined => all[pick % Math.max(1, all.length)];
const items = (client: Client) => client.all('conversation.item.added').map((event) => event.item.id);
const someText = (client: Client) => userText(`Text ${client.events.length}`);
const pick = fc.nat(20);

const steps = fc.oneof(
  { weight: 4, arbitrary: step(fc.constantFrom(50, 700, 4000, 31_000), 'wait', async () => {}) },
  {
    weight: 3,
    arbitrary: step(fc.constantFrom(100, 400, 900), 'speak', (ms, client) => client.speak(tone(ms, 24000), 100)),
  },
  {
    weight: 3,
    arbitrary: step(fc.constantFrom(200, 700), 'be quiet', (ms, client) => client.speak(silence(ms, 24000), 100)),
  },
  { weight: 3, arbitrary: step(fc.constant('at the end'), 'text', (_, client) => client.say(someText(client))) },
  { weight: 3, arbitrary: send('respond', { type: 'response.create' }) },
  send('respond in text', { type: 'response.create', response: { output_modalities: ['text'] } }),
  send('respond out of band', { type: 'response.create', response: { conversation: 'none', metadata: { a: 'b' } } }),
  send('commit', { type: 'input_audio_buffer.commit' }),
  send('clear', { type: 'input_audio_buffer.clear' }),
  send('cancel', { type: 'response.cancel' }),
  step(pick, 'cancel by id', (which, client) =>
    client.say({ type: 'response.cancel', response_id: some(client.all('response.created'), which)?.response.id }),
  ),
  step(pick, 'delete', (which, client) =>
    client.say({ type: 'conversation.item.delete', item_id: some(items(client), which) ?? 'none' }),
  ),
  step(pick, 'insert after', (which, client) =>
    client.say({ ...someText(client), previous_item_id: some(['root', ...items(client)], which) }),
  ),
  step(fc.tuple(pick, fc.nat(3000)), 'truncate', ([which, audio_end_ms], client) => {
    const item_id = some(client.all('response.output_audio.delta'), which)?.item_id ?? 'none';
    return client.say({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms });
  }),
  step(
    fc.constantFrom<object | null>(
      null,
      { type: 'server_vad' },
      { type: 'server_vad', interrupt_response: false },
      { type: 'server_vad', create_response: false },
      { type: 'semantic_vad', eagerness: 'high' },
    ),
    'turn detection',
    (turn_detection, client) => client.say(update({ audio: { input: { turn_detection } } })),
  ),
  step(fc.constantFrom('audio/pcm', 'audio/pcmu'), 'output format', (type, client) =>
    client.say(update({ audio: { output: { format: { type } } } })),
  ),
);

/** The behaviour of the model in each of its calls. */
const scripts: (() => Iterable<ModelEvent> | AsyncIterable<ModelEvent>)[] = [
  () => say(countTo(12)),
  () => [...say('One moment.').slice(0, -1), ...call('look_up', { a: 1 })],
  async function* () {
    yield { type: 'text', text: 'Well, let me think. ' };
    await new Promise(() => {});
  },
  () => say('Yes.'),
  () => {
    throw new Error('overloaded');
  },
];
const heard = ['What time is it?', '', 'And you?'];

/** The items in the order that a client derives from the events. */
function replayedOrder(client: Client): string[] {
  const order: string[] = [];
  for (const event of client.events) {
    if (event.type === 'conversation.item.added') {
      const { previous_item_id: previous } = event;
      assert.ok(previous === null || order.includes(previous), 'previous_item_id is an item that was announced');
      order.splice(previous === null ? 0 : order.indexOf(previous) + 1, 0, event.item.id);
    } else if (event.type === 'conversation.item.deleted') {
      assert.ok(order.includes(event.item_id));
      order.splice(order.indexOf(event.item_id), 1);
    }
  }
  return order;
}

/** Everything between `response.created` and `response.done`, by the response's id. */
function checkResponses(client: Client): void {
  const open = new Map<string, { inConversation: boolean; parts: Map<string, string> }>();
  for (const event of client.events) {
    if (event.type === 'response.created') {
      const inConversation = event.response.conversation_id !== null;
      if (inConversation)
        assert.ok(![...open.values()].some((each) => each.inConversation), 'one active response at most');
      open.set(event.response.id, { inConversation, parts: new Map() });
    } else if (event.type === 'response.done') {
      assert.ok(open.delete(event.response.id), 'done once, and only what was created');
      assert.ok(event.response.usage);
      for (const item of event.response.output) assert.notEqual(item.status, 'in_progress');
    } else if ('response_id' in event) {
      const response = open.get(event.response_id);
      assert.ok(response, `${event.type} of a response that is running`);
      checkPart(event, response.parts);
    }
  }
  assert.deepEqual([...open.keys()], [], 'every response is done in the end');
}

type InResponse = Extract<Client['events'][number], { response_id: string }>;

/** Deltas add up to the value of their `done`; no event belongs to a part that is not open. */
function checkPart(event: InResponse, parts: Map<string, string>): void {
  if (
    event.type === 'response.function_call_arguments.delta' ||
    event.type === 'response.function_call_arguments.done'
  ) {
    const key = `${event.item_id} arguments`;
    if (event.type === 'response.function_call_arguments.done') assert.equal(parts.get(key) ?? '', event.arguments);
    else parts.set(key, (parts.get(key) ?? '') + event.delta);
    return;
  }
  if (!('content_index' in event)) return;
  const key = `${event.item_id} ${event.content_index}`;
  if (event.type === 'response.content_part.added') return void parts.set(key, '');
  const text = parts.get(key);
  assert.notEqual(text, undefined, `${event.type} of a part that is open`);
  switch (event.type) {
    case 'response.output_text.delta':
    case 'response.output_audio_transcript.delta':
      parts.set(key, text + event.delta);
      break;
    case 'response.output_text.done':
      assert.equal(event.text, text);
      break;
    case 'response.output_audio_transcript.done':
      assert.equal(event.transcript, text);
      break;
    case 'response.content_part.done':
      assert.equal(event.part.type === 'text' ? event.part.text : event.part.transcript, text);
      parts.delete(key);
      break;
    case 'response.output_audio.delta':
      assert.ok(event.delta.length > 0);
  }
}

async function checkItems(client: Client): Promise<void> {
  const added = items(client);
  const done = client.all('conversation.item.done').map((event) => event.item.id);
  assert.deepEqual([...done].sort(), [...added].sort(), 'every item is done once');
  const order = replayedOrder(client);
  for (const id of order) assert.equal((await client.retrieve(id)).id, id);
  for (const item_id of added.filter((id) => !order.includes(id))) {
    await client.say({ type: 'conversation.item.retrieve', item_id });
    assert.equal(client.lastError().code, 'item_retrieve_invalid_item_id');
  }
}

/**
 * A client that follows the events has the items in the order in which the model sees them. Of an answer that was
 * interrupted, the model sees the beginning.
 */
async function checkOrder(client: Client, model: FakeModel): Promise<void> {
  const inOrder: Item[] = [];
  for (const id of replayedOrder(client)) inOrder.push(await client.retrieve(id));
  const count = model.requests.length;
  model.script = () => say('So be it.');
  await client.say({ type: 'response.create', response: { conversation: 'none', output_modalities: ['text'] } });
  const seen = model.requests[count]?.items.map((item) => {
    if (item.type === 'call') return item.name;
    return item.type === 'message' && item.content[0]?.type === 'text' ? item.content[0].text : assert.fail();
  });
  assert.ok(seen);
  let index = 0;
  const expected = inOrder.flatMap((item) => {
    const whole = words(item);
    const next = seen[index];
    const isHeardPart = isSpoken(item) && next !== undefined && whole.startsWith(next);
    if (whole === '' || (isSpoken(item) && !isHeardPart)) return [];
    index += 1;
    return isHeardPart ? next : whole;
  });
  assert.deepEqual(seen, expected);
}

/** Whether it is an assistant's audio, of which an interruption may leave nothing. */
function isSpoken(item: Item): boolean {
  return item.type === 'message' && item.content[0]?.type === 'output_audio';
}

function words(item: Item): string {
  if (item.type === 'function_call') return item.name;
  const part = item.type === 'message' ? item.content[0] : assert.fail();
  if (!part || part.type === 'input_image') return '';
  return 'text' in part ? part.text : (part.transcript ?? '');
}

test('the rules of the protocol hold, whatever a client does', async () => {
  verifies('R3.37', 'R3.44', 'R4.2', 'R4.3', 'R4.14');
  const faults: unknown[] = [];
  const onFault = (error: unknown) => void faults.push(error);
  process.on('unhandledRejection', onFault);
  try {
    const runs = fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 30 }), async (sequence) => {
      const { client, clock, engines, session, log } = newConversation();
      // This peer only listens: `frameCheck` validates every frame of either dialect.
      new BetaClient(session);
      await client.say(update({ audio: { input: { transcription: {} } } }));
      let answers = 0;
      engines.languageModel.script = () => (scripts[answers++ % scripts.length] ?? assert.fail())();
      engines.transcriber.hear = () => heard[engines.transcriber.clips.length % heard.length] ?? '';
      for (const { name, run } of sequence) {
        await run(client, clock);
        await clock.advance(name.startsWith('wait') ? Number(name.slice(5)) : 10);
      }
      await clock.advance(120_000);
      checkResponses(client);
      await checkItems(client);
      await checkOrder(client, engines.languageModel);
      for (const { error } of client.all('error')) assert.notEqual(error.code, 'internal_error', error.message);
      assert.deepEqual(log.faults, [], 'nothing went wrong inside');
      const ids = client.events.map((event) => event.event_id);
      assert.equal(new Set(ids).size, ids.length, 'event ids are unique');

      client.post({ type: 'response.create' });
      session.close({ code: 1000, reason: 'bye' });
      const { length } = client.events;
      await client.speak(concatSamples([tone(400, 24000), silence(700, 24000)]));
      await clock.advance(40_000);
      assert.equal(client.events.length, length, 'nothing is sent after the close');
    });
    await fc.assert(runs, { numRuns: 60 });
  } finally {
    process.off('unhandledRejection', onFault);
  }
  assert.deepEqual(faults, [], 'no rejection is left unhandled');
});
