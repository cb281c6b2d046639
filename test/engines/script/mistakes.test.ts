/** An error in a script is reported with file, line, column, problem and allowed values. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemsOf, script } from './scripted.ts';

const mistakes: { name: string; text: string; expected: string[] }[] = [
  {
    name: 'a field that is misspelt',
    text: 'rules:\n  - wen: hello\n    say: Hi',
    expected: [
      "support.yaml:2:5: 'wen' is not a field of a rule. Did you mean 'when'? Allowed: when, turn, once, say, call, with, then, delays, usage, finish, fail.",
    ],
  },
  {
    name: 'a rule for no turn in particular',
    text: 'rules:\n  - say: Hi',
    expected: ["support.yaml:2:5: a rule needs 'when', 'turn' or both. For all other turns, use 'else' at the top."],
  },
  {
    name: 'a field that is not known at the top',
    text: 'else: Hi\nvoices: tone',
    expected: [
      "support.yaml:2:1: 'voices' is not a field of a script. Did you mean 'voice'? Allowed: rules, else, hears, voice, delays, usage, seed, cassette.",
    ],
  },
  {
    name: 'a delay that is no duration',
    text: 'else: Hi\ndelays:\n  first-token: soon',
    expected: ['support.yaml:3:16: got "soon", expected a duration such as 250ms, 1.5s or 0, of at most 10 minutes.'],
  },
  {
    name: 'a pattern that cannot be read',
    text: 'rules:\n  - when: /order (/\n    say: Hi',
    expected: [
      'support.yaml:2:11: this pattern cannot be read: Invalid regular expression: /order (/: Unterminated group.',
    ],
  },
  {
    name: 'a capture that the pattern does not have',
    text: 'rules:\n  - when: /order (?<number>\\d+)/\n    say: Order {{numbr}}.',
    expected: [
      'support.yaml:3:10: {{numbr}} is not known here. Did you mean {{number}}? Known: 1, number, heard, turn.',
    ],
  },
  {
    name: 'an output before there is a call',
    text: 'else: It is {{output.status}}.',
    expected: ['support.yaml:1:7: {{output.status}}: no tool is called before this, so there is no output.'],
  },
  {
    name: 'the output of a tool that is not called',
    text: 'else:\n  call: look_up\n  then: It is {{outputs.lookup.status}}.',
    expected: [
      'support.yaml:3:9: {{outputs.lookup.status}}: write {{outputs.NAME}} with a tool called before: look_up.',
    ],
  },
  {
    name: 'a reference that is not closed',
    text: 'else: Hello {{heard.',
    expected: ["support.yaml:1:7: '{{' is not closed: write {{name}}."],
  },
  {
    name: 'arguments without a call',
    text: 'else:\n  say: Hi\n  with: { a: 1 }',
    expected: ["support.yaml:3:9: 'with' gives the arguments of a call: it needs 'call' beside it."],
  },
  {
    name: 'a failure of no known kind',
    text: 'else:\n  fail: stal',
    expected: ['support.yaml:2:9: got "stal", expected one of throw, stall, end, drop. Did you mean \'stall\'?'],
  },
  {
    name: 'usage without its parts',
    text: 'else: Hi\nusage: { input: 10 }',
    expected: ["support.yaml:2:8: 'output' is missing, expected a whole number from 0 to 1000000000."],
  },
  {
    name: 'a turn that is no number',
    text: 'rules:\n  - turn: first\n    say: Hi',
    expected: ['support.yaml:2:11: got "first", expected a whole number from 0 to 1000000.'],
  },
  {
    name: 'several mistakes at once',
    text: 'rules:\n  - when: hi\n  - turn: 2\n    say: {a: 1}',
    expected: [
      "support.yaml:2:5: there is nothing to do here: it needs 'say', 'call' or 'fail'.",
      'support.yaml:4:10: got a mapping, expected text, in which {{name}} stands for a capture of a pattern.',
    ],
  },
  {
    name: 'mistakes in short forms, in parts of other parts and in later steps',
    text: `hears: [ok, { text: [a] }]
voice: tune
else:
  - say: Hi
    then: [{ say: Ho, fail: { how: stall, stage: voice, after: ten } }, [{ call: [a, { nam: b }] }]]
usage: { input: 1, output: 2, cached: 3 }`,
    expected: [
      'support.yaml:5:64: got "ten", expected a duration such as 250ms, 1.5s or 0, of at most 10 minutes.',
      "support.yaml:5:86: 'name' is missing, expected the name of a tool.",
      "support.yaml:5:88: 'nam' is not a field of a call. Did you mean 'name'? Allowed: name, server, with.",
      'support.yaml:1:21: got a list, expected text.',
      'support.yaml:2:8: got "tune", expected one of tone, silence. Did you mean \'tone\'?',
      "support.yaml:6:8: 'cached' is a part of 'input': it cannot be more.",
    ],
  },
  {
    name: 'an entry without a value',
    text: 'else:',
    expected: ['support.yaml:1:6: got nothing, expected text, in which {{name}} stands for a capture of a pattern.'],
  },
  {
    name: 'text where a list of rules is due',
    text: 'rules: hello',
    expected: [
      'support.yaml:1:8: got "hello", expected a rule: a mapping with when, turn, once, say, call, with, then, delays, usage, finish, fail.',
    ],
  },
  {
    name: 'nothing to answer with',
    text: 'seed: 7',
    expected: ["support.yaml:1:1: this script answers nothing: it needs 'rules', 'else' or both."],
  },
  {
    name: 'an empty file',
    text: '# nothing\n',
    expected: ['support.yaml:1:1: this script is empty. The smallest one is "else: Hello!".'],
  },
  { name: 'YAML that is none', text: 'else: "Hi', expected: ['support.yaml:1:10: Missing closing "quote.'] },
  {
    name: 'JSON that is none',
    text: '{"else": "Hi",\n "seed": }',
    expected: ['support.yaml:2:10: got nothing, expected text.'],
  },
  { name: 'a key twice', text: 'else: Hi\nelse: Ho', expected: ['support.yaml:2:1: Map keys must be unique.'] },
  {
    name: 'a cassette with rules',
    text: 'cassette: ./kept\nrules: []',
    expected: [
      "support.yaml:2:1: 'rules' is not a field of a script that plays a cassette. Allowed: cassette, recording, timing, audio, seed.",
    ],
  },
];

for (const { name, text, expected } of mistakes) {
  test(name, () => {
    assert.deepEqual(problemsOf(text), expected);
  });
}

test('only the first twenty errors are reported', () => {
  const text = `rules:\n${'  - sya: hello\n'.repeat(30)}`;
  assert.equal(problemsOf(text).length, 20);
});

test('YAML aliases may share parts of a script, within bounds', () => {
  assert.equal(script('else: &hi\n  say: Hi\nrules:\n  - { when: hi, then: *hi, say: Oh }').rules[0]?.steps.length, 2);
  const levels = Array.from({ length: 12 }, (_, level) => `l${level}: &l${level} [${`*l${level - 1}, `.repeat(9)}]`);
  const bomb = `else:\n  call: x\n  with:\n    a: &l-1 [1]\n${levels.map((line) => `    ${line}`).join('\n')}`;
  assert.match(problemsOf(bomb).join('\n'), /this file holds more than 100000 values/);
  const circle = 'else:\n  call: x\n  with: &a\n    again: *a';
  assert.match(problemsOf(circle).join('\n'), /^support.yaml:4:5: values stand more than 50 deep in each other here/);
});
