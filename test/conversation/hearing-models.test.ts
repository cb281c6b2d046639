/** Language models with audio input: the requests to them, and their usage. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeMulaw, encodeMulaw } from '../../src/audio/g711.ts';
import { bytesAsSamples, concatSamples } from '../../src/audio/pcm.ts';
import type { TranscriptionUsage, Usage } from '../../src/protocol/wire/server-events.ts';
import { TurnLedger, type TurnTimes } from '../../src/session/observing/turn-ledger.ts';
import type { ContextItem, ContextPart, ModelUsage, TokenCounter } from '../../src/session/ports/language-model.ts';
import { noMeter } from '../../src/session/settings.ts';
import { audioOf, type Client, newConversation, transcriptOf, update } from '../support/conversation.ts';
import { settle } from '../support/fake-clock.ts';
import { type FakeModel, gate, say, silence, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

/** One token per word. */
const words: TokenCounter = { count: (text) => text.match(/\S+/g)?.length ?? 0 };
/** In whole frames of voice activity: with 300 ms of padding and 500 ms of silence, a turn of 1600 ms. */
const turn = concatSamples([silence(384, 24000), tone(800, 24000), silence(704, 24000)]);
const input = (fields: object) => update({ audio: { input: fields } });
const inText = { type: 'response.create', response: { output_modalities: ['text'] } };

/** A session that answers in text, with a model with audio input. */
async function hearing(...given: Parameters<typeof newConversation>) {
  const conversation = newConversation(...given);
  conversation.engines.languageModel.hearsAudio = true;
  await conversation.client.say(update({ output_modalities: ['text'] }));
  conversation.client.forget();
  return conversation;
}

async function sayAloud(client: Client, samples: Int16Array): Promise<string> {
  await client.say(input({ turn_detection: null }));
  await client.speak(samples);
  await client.say({ type: 'input_audio_buffer.commit' });
  return client.last('input_audio_buffer.committed').item_id;
}

/** The model's last input: the parts of each message. */
function lastInputOf(model: FakeModel): ContextPart[][] {
  const items: readonly ContextItem[] = model.requests.at(-1)?.items ?? [];
  return items.flatMap((item) => (item.type === 'message' ? [item.content] : []));
}

/** Each part in short: the milliseconds of audio, and the text. */
function outline(parts: ContextPart[][]): string[] {
  return parts.flat().map((part) => {
    if (part.type === 'text') return part.text;
    if (part.type === 'image') return 'an image';
    const ms = (part.clip.samples.length * 1000) / part.clip.sampleRateHz;
    return part.transcript === undefined ? `${ms} ms` : `${ms} ms: ${part.transcript}`;
  });
}

test('a turn is answered immediately, with its audio and without a transcriber', async () => {
  verifies('R2.14', 'R3.45', 'R8.7');
  const times: TurnTimes[] = [];
  const { client, engines } = await hearing(
    {},
    { observers: [new TurnLedger((_response, waited) => times.push(waited))] },
  );
  await client.speak(turn);
  assert.deepEqual(client.types(), [
    'input_audio_buffer.speech_started',
    'input_audio_buffer.speech_stopped',
    'input_audio_buffer.committed',
    'conversation.item.added',
    'conversation.item.done',
    'response.created',
    'response.output_item.added',
    'conversation.item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'conversation.item.done',
    'response.output_item.done',
    'response.done',
    'rate_limits.updated',
  ]);
  const item = await client.retrieve(client.last('input_audio_buffer.committed').item_id);
  const samples = bytesAsSamples(Uint8Array.from(audioOf(item)));
  assert.deepEqual(lastInputOf(engines.languageModel), [[{ type: 'audio', clip: { samples, sampleRateHz: 24000 } }]]);
  assert.equal(transcriptOf(item), null);
  assert.deepEqual(engines.transcriber.clips, [], 'no transcript is needed');
  assert.deepEqual(times, [{ silenceMs: 500, firstTokenMs: 0 }], 'no wait for a transcript');
});

test('a configured transcription runs beside the response, and later requests contain its text', async () => {
  verifies('R3.9');
  const { client, engines } = await hearing();
  await client.say(input({ transcription: { model: 'whisper-1' } }));
  const transcribed = gate();
  engines.transcriber.hear = () => transcribed.opened.then(() => 'what time is it');
  await client.speak(turn);
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.deepEqual(client.all('conversation.item.input_audio_transcription.completed'), []);
  transcribed.open();
  await settle();
  await client.say(inText);
  const { item_id, transcript } = client.last('conversation.item.input_audio_transcription.completed');
  assert.deepEqual([item_id, transcript], [client.last('input_audio_buffer.committed').item_id, 'what time is it']);
  assert.equal(outline(lastInputOf(engines.languageModel))[0], '1600 ms: what time is it');
});

for (const [outcome, hear] of [
  ['fails', () => Promise.reject(new Error('no ears'))],
  ['hears nothing', () => ''],
] as const) {
  test(`a turn is answered even if its transcriber ${outcome}`, async () => {
    verifies('R8.7');
    const { client, engines } = await hearing();
    await client.say(input({ transcription: { model: 'whisper-1' } }));
    engines.transcriber.hear = hear;
    await client.speak(turn);
    assert.equal(client.last('response.done').response.status, 'completed');
    const failed = client.all('conversation.item.input_audio_transcription.failed').length;
    assert.equal(failed, outcome === 'fails' ? 1 : 0);
    await client.say(inText);
    assert.equal(client.last('response.done').response.status, 'completed');
    assert.equal(outline(lastInputOf(engines.languageModel))[0], '1600 ms');
  });
}

test('turns in one append are answered together, and not during speech', async () => {
  verifies('R8.8');
  const { client, engines } = await hearing();
  await client.speak(concatSamples([turn, turn, tone(400, 24000)]), 60_000);
  assert.equal(engines.languageModel.requests.length, 0);
  await client.say({ type: 'input_audio_buffer.clear' });
  assert.equal(engines.languageModel.requests.length, 1);
  assert.equal(lastInputOf(engines.languageModel).length, 2);
});

test('with create_response false, and after a manual commit, only response.create creates a response', async () => {
  const { client, engines } = await hearing();
  await client.say(input({ turn_detection: { type: 'server_vad', create_response: false } }));
  await client.speak(turn);
  // With the 204 ms of silence that the turn left in the buffer.
  await sayAloud(client, tone(300, 24000));
  assert.deepEqual(engines.languageModel.requests, []);
  client.post({ type: 'input_audio_buffer.append', audio: Buffer.from(tone(500, 24000).buffer).toString('base64') });
  client.post({ type: 'input_audio_buffer.commit' });
  await client.say(inText);
  assert.deepEqual(outline(lastInputOf(engines.languageModel)), ['1600 ms', '504 ms', '500 ms']);
  assert.deepEqual(client.all('error'), []);
});

test('dropped audio is replaced by its transcript, which is made when the audio is dropped', async () => {
  verifies('R8.10');
  const transcriptions: TranscriptionUsage[] = [];
  const meter = { ...noMeter, transcriptionUsed: (usage: TranscriptionUsage) => void transcriptions.push(usage) };
  const { client, engines } = await hearing({ limits: { keptAudioMs: 1500 } }, { meter });
  engines.transcriber.hear = () => 'the first of them';
  const first = await sayAloud(client, tone(1000, 24000));
  assert.deepEqual(transcriptions, []);
  await sayAloud(client, tone(700, 24000));
  await client.say(inText);
  assert.deepEqual(outline(lastInputOf(engines.languageModel)), ['the first of them', '700 ms']);
  assert.deepEqual(transcriptions, [{ type: 'duration', seconds: 1 }]);
  assert.equal(transcriptOf(await client.retrieve(first)), null, 'the client did not ask for it');
  assert.deepEqual(
    client.events.filter(({ type }) => type.includes('transcription')),
    [],
  );
});

test('a response waits for the transcript of audio that is dropped during transcription', async () => {
  const { client, engines } = await hearing({ limits: { keptAudioMs: 1500 } });
  await client.say(input({ transcription: { model: 'whisper-1' } }));
  const transcribed = gate();
  engines.transcriber.hear = () => transcribed.opened.then(() => 'said before');
  await sayAloud(client, tone(1000, 24000));
  await sayAloud(client, tone(700, 24000));
  await client.say(inText);
  assert.deepEqual(engines.languageModel.requests, []);
  transcribed.open();
  await settle();
  assert.deepEqual(outline(lastInputOf(engines.languageModel)), ['said before', '700 ms']);
});

test('a turn above the audio limit is transcribed; if the transcript is blank, it is not answered', async () => {
  const { client, engines } = await hearing({ limits: { keptAudioMs: 1000 } });
  engines.transcriber.hear = () => '';
  await client.speak(turn);
  assert.deepEqual(engines.languageModel.requests, []);
  engines.transcriber.hear = () => 'a long story';
  await client.speak(turn);
  assert.deepEqual(outline(lastInputOf(engines.languageModel)), ['a long story']);
  engines.transcriber.hear = () => Promise.reject(new Error('no ears'));
  await client.speak(turn);
  const { status, status_details: details } = client.last('response.done').response;
  assert.equal(status, 'failed');
  assert.match(details?.type === 'failed' ? (details.error?.code ?? '') : '', /transcriber_failed/);
});

test('telephone audio is passed to the model at 8 kHz', async () => {
  verifies('R2.18');
  const { client, engines } = await hearing();
  await client.say(input({ format: { type: 'audio/pcmu' }, turn_detection: null }));
  const bytes = encodeMulaw(tone(300, 8000));
  client.append(bytes);
  await client.say({ type: 'input_audio_buffer.commit' });
  await client.say(inText);
  const clip = { samples: decodeMulaw(bytes), sampleRateHz: 8000 };
  assert.deepEqual(lastInputOf(engines.languageModel), [[{ type: 'audio', clip }]]);
});

test('audio in an item and in the input of a response; repeated references use the transcript', async () => {
  verifies('R3.16', 'R3.45');
  const { client, engines } = await hearing();
  const audioIn = (ms: number, transcript?: string) => ({
    type: 'message',
    role: 'user',
    content: [{ type: 'input_audio', audio: Buffer.from(tone(ms, 24000).buffer).toString('base64'), transcript }],
  });
  await client.say({ type: 'conversation.item.create', item: { id: 'mine', ...audioIn(300, 'my words') } });
  const reference = { type: 'item_reference', id: 'mine' };
  const respondTo = (entries: object[]) => ({ ...inText, response: { ...inText.response, input: entries } });
  await client.say(respondTo([reference, audioIn(200)]));
  assert.deepEqual(outline(lastInputOf(engines.languageModel)), ['300 ms: my words', '200 ms']);
  assert.deepEqual(engines.transcriber.clips, []);
  await client.say(respondTo([reference, audioIn(200), reference]));
  assert.deepEqual(outline(lastInputOf(engines.languageModel)), ['hello there', '200 ms', 'hello there']);
});

test('a model that no longer accepts audio gets transcripts, which are made then', async () => {
  const { client, engines } = await hearing();
  await sayAloud(client, tone(300, 24000));
  engines.languageModel.hearsAudio = false;
  await client.say(inText);
  assert.deepEqual(outline(lastInputOf(engines.languageModel)), ['hello there']);
});

function finishWith(usage: ModelUsage): FakeModel['script'] {
  return () => [
    { type: 'text', text: 'Yes.' },
    { type: 'finish', reason: 'stop', usage },
  ];
}

function inputOf(client: Client): Pick<Usage, 'input_tokens' | 'total_tokens'> & { text?: number; audio?: number } {
  const { usage } = client.last('response.done').response;
  assert.ok(usage);
  const { text_tokens: text, audio_tokens: audio, image_tokens: image } = usage.input_token_details;
  assert.equal(usage.input_tokens, text + audio + image);
  assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
  return { input_tokens: usage.input_tokens, total_tokens: usage.total_tokens, text, audio };
}

test('audio counts as tokens, and usage reported by the model takes precedence', async () => {
  verifies('R3.48', 'R3.50');
  const { client, engines } = await hearing({}, { tokens: words });
  const model = engines.languageModel;
  await client.say(input({ transcription: { model: 'whisper-1' } }));
  engines.transcriber.hear = () => 'five words that were said';
  await sayAloud(client, tone(1000, 24000));

  model.script = () => say('Yes.');
  await client.say(inText);
  assert.deepEqual(inputOf(client), { input_tokens: 10, total_tokens: 11, text: 0, audio: 10 }, 'by estimate');

  // The context has grown by an answer of one word.
  model.script = finishWith({ inputTokens: 100, outputTokens: 7 });
  await client.say(inText);
  assert.deepEqual(inputOf(client), { input_tokens: 100, total_tokens: 107, text: 90, audio: 10 });

  model.script = finishWith({ inputTokens: 100, outputTokens: 7, audioInputTokens: 25 });
  await client.say(inText);
  assert.deepEqual(inputOf(client), { input_tokens: 100, total_tokens: 107, text: 75, audio: 25 });
});

test('the words of transcribed audio are not counted twice', async () => {
  verifies('R3.48');
  const { client, engines } = await hearing({ limits: { keptAudioMs: 1500 } }, { tokens: words });
  engines.transcriber.hear = () => 'five words that were said';
  await sayAloud(client, tone(1000, 24000));
  await sayAloud(client, tone(700, 24000));
  engines.languageModel.script = finishWith({ inputTokens: 100, outputTokens: 7, audioInputTokens: 20 });
  await client.say(inText);
  assert.deepEqual(inputOf(client), { input_tokens: 105, total_tokens: 112, text: 75, audio: 20 + 10 });
});

test('a late transcript does not change the beginning of the context', async () => {
  verifies('R3.51');
  const { client, engines } = await hearing({}, { tokens: words });
  await client.say(input({ transcription: { model: 'whisper-1' } }));
  const transcribed = gate();
  engines.transcriber.hear = () => transcribed.opened.then(() => 'at last');
  await sayAloud(client, tone(1000, 24000));
  await client.say(inText);
  transcribed.open();
  await settle();
  await client.say(inText);
  assert.equal(outline(lastInputOf(engines.languageModel))[0], '1000 ms: at last');
  const { usage } = client.last('response.done').response;
  assert.equal(usage?.input_token_details.cached_tokens_details?.audio_tokens, 10);
});
