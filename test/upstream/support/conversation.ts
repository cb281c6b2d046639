/** A comprehensive conversation in either dialect, for a server and for a relay in front of it. */

import type { ModelEvent, ModelRequest } from '../../../src/session/ports/language-model.ts';
import { call, type FakeEngines, hang, say, silence, tone } from '../../support/fake-engines.ts';
import type { WireDialect } from '../../support/frame-check.ts';
import { Witness } from './log-of-events.ts';

const weather = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather in a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
};

const updates: Record<WireDialect, object> = {
  ga: {
    type: 'realtime',
    model: 'gpt-realtime',
    instructions: 'Be brief.',
    tools: [weather],
    audio: { input: { transcription: { model: 'whisper-1' }, turn_detection: { type: 'server_vad' } } },
  },
  beta: {
    instructions: 'Be brief.',
    tools: [weather],
    temperature: 0.7,
    input_audio_transcription: { model: 'whisper-1' },
    turn_detection: { type: 'server_vad' },
  },
};

const textAlone: Record<WireDialect, object> = {
  ga: { output_modalities: ['text'] },
  beta: { modalities: ['text'], temperature: 0.9 },
};

/** The model's responses in order: text, a call, and a long one that only an interruption ends. */
function prepare(engines: FakeEngines): void {
  const answers: ((request: ModelRequest) => AsyncIterable<ModelEvent> | Iterable<ModelEvent>)[] = [
    () => say('Twelve times seven is 84.'),
    () => call('get_weather', { city: 'Paris' }),
    () => say('It is sunny.'),
    ({ signal }) => hang<ModelEvent>(signal, { type: 'text', text: 'Number one. ' }),
    () => say('As you wish.'),
    () => say('Out of band.'),
  ];
  let turn = 0;
  engines.languageModel.script = (request) => answers[turn++]?.(request) ?? say('Nothing more.');
  engines.transcriber.hear = () => 'what is the weather in Paris';
}

function appended(samples: Int16Array): object {
  return { type: 'input_audio_buffer.append', audio: Buffer.from(samples.buffer).toString('base64') };
}

const userText = (text: string) => ({ type: 'message', role: 'user', content: [{ type: 'input_text', text }] });

/** Runs the conversation and returns the client's view of it. */
export async function converse(wsUrl: string, dialect: WireDialect, engines: FakeEngines): Promise<Witness['events']> {
  prepare(engines);
  const client = await Witness.open(wsUrl, dialect);
  const delta = dialect === 'ga' ? 'response.output_audio.delta' : 'response.audio.delta';

  client.send({ type: 'session.update', event_id: 'u1', session: updates[dialect] });
  await client.type('session.updated');

  // A text turn.
  client.send({ type: 'conversation.item.create', item: { id: 'mine', ...userText('What is 12 times 7?') } });
  client.send({ type: 'response.create', response: { ...textAlone[dialect], metadata: { topic: 'sums' } } });
  await client.type('rate_limits.updated');

  // Errors: in the frame, in a field, and in the conversation.
  client.send({ type: 'nope', event_id: 'e1' });
  await client.type('error');
  client.send({ type: 'conversation.item.delete', event_id: 'e2', item_id: 'unknown' });
  await client.type('error');
  client.send({ type: 'response.cancel' });
  await client.type('error');
  client.send({
    type: 'conversation.item.create',
    event_id: 'x'.repeat(512),
    item: { id: 'mine', ...userText('Twice.') },
  });
  await client.type('error');
  client.send({ type: 'input_audio_buffer.commit', event_id: 'e5' });
  await client.type('error');

  // A spoken turn, answered with a call, and its output spoken.
  client.send(appended(tone(600, 24000)), appended(silence(1000, 24000)));
  const { call_id } = await client.type('response.function_call_arguments.done');
  await client.type('rate_limits.updated');
  const item = { type: 'function_call_output', call_id, output: 'Sunny, 21 degrees.' };
  client.send({ type: 'conversation.item.create', item }, { type: 'response.create' });
  await client.type('rate_limits.updated');

  // Barge-in, after all the audio of the long response's two words, so that both runs end it at the same event.
  client.send({ type: 'response.create' });
  const { item_id } = await client.audio(delta, 500);
  client.send(appended(tone(600, 24000)));
  await client.type('response.done');
  client.send({ type: 'conversation.item.truncate', item_id, content_index: 0, audio_end_ms: 100 });
  await client.type('conversation.item.truncated');
  client.send(appended(silence(1000, 24000)));
  await client.until((event) => event.type === 'response.done' && text(event).includes('"completed"'));
  await client.type('rate_limits.updated');

  // The retrieved item, and its deletion.
  client.send({ type: 'conversation.item.retrieve', item_id });
  await client.type('conversation.item.retrieved');
  client.send({ type: 'conversation.item.delete', item_id });
  await client.type('conversation.item.deleted');

  // Out of band.
  client.send({ type: 'response.create', response: { ...textAlone[dialect], conversation: 'none', input: [] } });
  await client.type('rate_limits.updated');
  client.send({ type: 'input_audio_buffer.clear' });
  await client.type('input_audio_buffer.cleared');
  client.close();
  return client.events;
}

function text(event: object): string {
  return JSON.stringify(event);
}
