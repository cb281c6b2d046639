/** Markers that transcribers write for silence and noise (docs/protocol.md, R8.7). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TranscriptEvent } from '../../../src/session/ports/transcriber.ts';
import { newConversation, transcriptOf } from '../../support/conversation.ts';
import { verifies } from '../../support/verifies.ts';
import { input, turn } from './support.ts';

const blank = [
  ['', '...', '♪♪', '♪ la la ♪', '[BLANK_AUDIO]', ' [ Silence ]', '[[ silence ]]', '(wind blowing)', '((coughs))'],
  ['[Music]', '*sighs*', '**Silence**', '[BLANK_AUDIO] [BLANK_AUDIO]', '[Music] (applause) *laughs*', '- [noise].'],
  ['<|nospeech|>', '<silence>', '{noise}', '（音楽）', '【拍手】', '♪ (upbeat music)', '♫ do re ♫\n♪ mi ♪', '( [a] b)'],
].flat();
const spoken = [
  'Hello.',
  '[Music] Hello.',
  'No (really)',
  'Yes. [laughs]',
  '你好',
  '42',
  '(wait',
  '*and so',
  'It is 5 < 6.',
];

const pieces: Record<string, (text: string) => string[]> = {
  whole: (text) => [text],
  'word by word': (text) => text.match(/\s*\S+/g) ?? [],
  'character by character': (text) => [...text],
};

for (const [name, cut] of Object.entries(pieces)) {
  test(`a transcript that has only markers is blank, ${name}`, async () => {
    verifies('R8.7', 'R3.9');
    for (const text of [...blank, ...spoken]) {
      const { client, engines } = newConversation();
      engines.transcriber.transcribe = async function* (): AsyncGenerator<TranscriptEvent> {
        for (const delta of cut(text)) yield { type: 'delta', text: delta };
        yield { type: 'done', text };
      };
      await client.say(input({ transcription: {} }));
      await client.speak(turn);
      const expected = blank.includes(text) ? '' : text;
      const deltas = client.all('conversation.item.input_audio_transcription.delta').map(({ delta }) => delta);
      assert.equal(deltas.join(''), expected, `deltas of ${JSON.stringify(text)}`);
      assert.equal(client.last('conversation.item.input_audio_transcription.completed').transcript, expected);
      assert.equal(
        client.all('response.created').length,
        expected === '' ? 0 : 1,
        `answers to ${JSON.stringify(text)}`,
      );
      const item = await client.retrieve(client.last('input_audio_buffer.committed').item_id);
      assert.equal(transcriptOf(item), expected);
    }
  });
}

test('text is sent as soon as there is text outside of markers', async () => {
  const { client, engines } = newConversation();
  engines.transcriber.transcribe = async function* (): AsyncGenerator<TranscriptEvent> {
    for (const text of ['[Mu', 'sic]', ' Hel', 'lo', ' there']) yield { type: 'delta', text };
    yield { type: 'done', text: '[Music] Hello there' };
  };
  await client.say(input({ transcription: {} }));
  await client.speak(turn);
  const deltas = client.all('conversation.item.input_audio_transcription.delta').map(({ delta }) => delta);
  assert.deepEqual(deltas, ['[Mu', 'sic]', ' Hel', 'lo', ' there']);
});

test('the model gets no markers, also in a response without a turn', async () => {
  verifies('R8.7', 'R3.45');
  const { client, engines } = newConversation();
  engines.transcriber.hear = () => '(dog barking)';
  await client.speak(turn);
  await client.say({ type: 'response.create' });
  const asked = JSON.stringify(engines.languageModel.requests);
  assert.ok(engines.languageModel.requests.length > 0 && !asked.includes('barking'), asked);
});

test('segments that have only markers are not sent', async () => {
  verifies('R8.7', 'R3.46');
  const { client, engines } = newConversation();
  engines.transcriber.transcribe = async function* (): AsyncGenerator<TranscriptEvent> {
    yield { type: 'segment', text: '[Music]', speaker: 'A', start: 0, end: 1 };
    yield { type: 'done', text: '[Music]' };
  };
  await client.say(input({ transcription: {} }));
  await client.speak(turn);
  assert.deepEqual(client.all('conversation.item.input_audio_transcription.segment'), []);
  assert.deepEqual(client.all('response.created'), []);
});

test('a transcript with an unclosed bracket is sent in full', async () => {
  const text = `${'[('.repeat(50_000)}*♪ end`;
  const { client, engines } = newConversation();
  engines.transcriber.transcribe = async function* (): AsyncGenerator<TranscriptEvent> {
    yield { type: 'delta', text };
    yield { type: 'done', text };
  };
  await client.say(input({ transcription: {} }));
  await client.speak(turn);
  assert.equal(client.last('conversation.item.input_audio_transcription.completed').transcript, text);
});
