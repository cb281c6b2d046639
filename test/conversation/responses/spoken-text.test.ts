/** Texts of a model on their way to a voice, for any content and any split into pieces. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ModelEvent } from '../../../src/session/ports/language-model.ts';
import { newConversation } from '../../support/conversation.ts';
import { verifies } from '../../support/verifies.ts';
import { respond } from './support.ts';

const hidden = [
  '<think>Hm.</think>',
  '[THINK]Hm.[/THINK]',
  '◁think▷Hm.◁/think▷',
  '<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>',
  '<tool_call>{"name":"f","arguments":{"a":1}}</tool_call>',
  '<invoke name="f"><parameter name="a">1</parameter></invoke>',
  '<|im_end|>',
  '<|eot_id|>',
  '</s>',
  '<｜end▁of▁sentence｜>',
  '[/INST]',
];
const marked = [
  '**bold** ',
  '# Title\n',
  '- point\n',
  '`code` ',
  '```js\nlet a = 1;\n```\n',
  '[link](https://a.example/b?c=d) ',
  'https://shop.example/x ',
  '| a | b |\n|---|---|\n',
  '<b>strong</b> ',
];
const graphemes = ['👩‍👩‍👧', '👋🏽', '🇩🇪', '1️⃣', 'e\u0301', 'क्‍ष', '가', 'é', '日本', ' '];
const words = ['Hello there. ', 'One, two, ', 'and so on ', 'x'.repeat(200), '. ', '\n'];

const answer = fc
  .array(fc.constantFrom(...hidden, ...marked, ...graphemes, ...words), { minLength: 1, maxLength: 14 })
  .map((parts) => parts.join(''));

test('no control token, no markup and no half grapheme reaches a voice or the transcript', async () => {
  verifies('R3.71');
  const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  await fc.assert(
    fc.asyncProperty(answer, fc.integer({ min: 1, max: 40 }), async (text, size) => {
      const { client, engines, clock } = newConversation();
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      engines.languageModel.script = () => [
        ...pieces.map((piece): ModelEvent => ({ type: 'text', text: piece })),
        { type: 'finish', reason: 'stop' },
      ];
      await client.say(respond());
      await clock.advance(120_000);
      for (const { text: spoken } of engines.voice.spoken) {
        assert.ok(spoken.isWellFormed());
        assert.doesNotMatch(spoken, /[*`\\|{}[\]◁▷]|https?:|<\/?[a-z|｜]|think|Hm\.|\p{Emoji_Presentation}/u);
      }
      const deltas = client.all('response.output_audio_transcript.delta').map(({ delta }) => delta);
      const transcript = deltas.join('');
      assert.ok(deltas.every((delta) => delta.isWellFormed()));
      assert.doesNotMatch(transcript, /<[|｜]|<\/?(?:think|tool_call|invoke|s)\b|\[\/?(?:THINK|INST)\]|[◁▷]|Hm\./);
      const ends = new Set(Array.from(segmenter.segment(transcript), ({ index, segment }) => index + segment.length));
      let at = 0;
      for (const delta of deltas) {
        at += delta.length;
        assert.ok(ends.has(at), JSON.stringify(deltas));
      }
    }),
    { numRuns: 150 },
  );
});
