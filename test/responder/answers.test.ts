import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ContextItem } from '../../src/session/ports/language-model.ts';
import { assistant, reply, system, user } from './drive.ts';

function table(
  name: string,
  rows: readonly (readonly [said: string | readonly ContextItem[], expected: string | RegExp, instructions?: string])[],
) {
  describe(name, () => {
    for (const [said, expected, instructions = ''] of rows) {
      const title = `${instructions && `[${instructions}] `}${typeof said === 'string' ? said : JSON.stringify(said.map((i) => (i.type === 'message' ? i.content : i)))}`;
      it(title.slice(0, 150), async () => {
        const answer = await reply(said, { instructions });
        if (typeof expected === 'string') assert.equal(answer, expected);
        else assert.match(answer, expected);
      });
    }
  });
}

table('small talk', [
  ['Hello', 'Hello! How can I help?'],
  ['Hi there!', 'Hello! How can I help?'],
  ['Good morning, Parley.', 'Good morning! How can I help?'],
  ['Hello, how are you today?', 'I am well, thank you. How can I help?'],
  ['Thanks a lot.', 'You are welcome.'],
  ['Thank you very much!', 'You are welcome.'],
  ['Goodbye.', 'Goodbye!'],
  ['Hello, can you hear me?', 'Yes, I hear you.'],
  [[user('My name is Ada.'), assistant('Nice to meet you.'), user('Hello again')], 'Hello, Ada! How can I help?'],
  [[user('Call me Ada'), user('bye')], 'Goodbye, Ada!'],
]);

table('help', [
  ['Help', /^I can greet you, tell the time, do sums/],
  ['help me please', /Try: what time is it\?/],
  ['What can I say?', /^I can greet you/],
  ['What can you do?', /stand-in for a language model/],
]);

table('several facts in one sentence', [
  ['My name is Ada and I live in Paris.', 'Nice to meet you, Ada. Got it: your home is in Paris.'],
  [
    'My name is Ada, I live in Paris and my favourite colour is blue.',
    'Nice to meet you, Ada. Got it: your home is in Paris. Got it: your favourite colour is blue.',
  ],
  ['I have two cats, and my dog is Rex.', 'Got it: your number of cats is two. Got it: your dog is Rex.'],
  [[user('My name is Ada and I live in Paris.'), assistant('Ok.'), user('Where do I live?')], 'Your home is in Paris.'],
  [[user("I'm called Bo and I am 42 years old"), assistant('Ok.'), user('How old am I?')], 'Your age is 42 years old.'],
]);

table('a request that a pause has split', [
  [[user('And so my fellow Americans'), user('ask not.')], 'You said: "And so my fellow Americans ask not".'],
  [[user('And so my fellow Americans'), assistant(''), user('ask not.')], /fellow Americans ask not/],
  [[user('And so'), assistant('You said: "And'), user('ask not.')], 'You said: "And so ask not".'],
  [[user('And so'), assistant('You said: "And so".'), user('ask not.')], 'You said: "ask not".'],
  [[user('What is two'), user('plus three?')], 'That is 5.'],
  [[user('Hello'), assistant('Hello!'), user('The sky is green.')], 'You said: "The sky is green".'],
]);

table('time and date', [
  ['What time is it?', 'It is 3:05 PM.'],
  ["Hey, what's the time?", 'It is 3:05 PM.'],
  ['Can you tell me the time, please?', 'It is 3:05 PM.'],
  ['What time is it in Tokyo?', 'I only know the time here. It is 3:05 PM.'],
  ['What day is it today?', 'Today is Tuesday, November 3, 2026.'],
  ["What's the date?", 'Today is Tuesday, November 3, 2026.'],
  ["What is today's date?", 'Today is Tuesday, November 3, 2026.'],
  ['What year is it?', /2026/],
  ['What day is it tomorrow?', 'Tomorrow is Wednesday, November 4, 2026.'],
  ["What was yesterday's date?", /Monday, November 2, 2026/],
]);

table('sums', [
  ['What is 2 plus 3?', 'That is 5.'],
  ['What is two plus three?', 'That is 5.'],
  ['twelve times seven', 'That is 84.'],
  ['What is twelve times seven?', 'That is 84.'],
  ["What's 15% of 80?", 'That is 12.'],
  ['what is fifteen percent of eighty', 'That is 12.'],
  ['10 divided by 4', 'That is 2.5.'],
  ['10 ÷ 4 =', 'That is 2.5.'],
  ['3 + 4 * 2', 'That is 11.'],
  ['(3 + 4) * 2', 'That is 14.'],
  ['What is 3 minus 10?', 'That is -7.'],
  ['minus five plus two', 'That is -3.'],
  ['negative 4 times 3', 'That is -12.'],
  ['Please calculate 1,000 plus one.', 'That is 1001.'],
  ['what is one hundred and five minus twenty-one', 'That is 84.'],
  ['two thousand three hundred and four plus six', 'That is 2310.'],
  ['two point five times two', 'That is 5.'],
  ['10 divided by 3', 'That is about 3.3333.'],
  ['0.1 + 0.2', 'That is 0.3.'],
  ['7 x 8', 'That is 56.'],
  ['a hundred times a thousand', 'That is 100000.'],
  ['What is a dozen plus two dozen?', 'That is 36.'],
  ['a thousand and five minus a hundred and five', 'That is 900.'],
  ['2 thousand three hundred plus 5 million', 'That is 5002300.'],
  ['add 2 and 3', 'That is 5.'],
  ['What is the sum of 2 and 3?', 'That is 5.'],
  ['subtract 3 from 10', 'That is 7.'],
  ['multiply six by seven', 'That is 42.'],
  ['So, how much is half of 10 plus 1?', 'That is 6.'],
  ['What is 7 divided by zero?', 'Nothing can be divided by zero.'],
  ['1 / (2 - 2)', 'Nothing can be divided by zero.'],
  ['2 plus', /^You said/],
  ['555-1234', /^You said/],
  ['what is 7?', /^You said/],
  ['(((((', /^You said/],
  ['I have 2 plus points', /^You said/],
]);

it('speaks a negative result in words', async () => {
  assert.equal(await reply('3 minus 10', { spoken: true }), 'That is minus 7.');
});

table('says what it is told to say', [
  ['Say exactly "The quick brown fox."', 'The quick brown fox.'],
  ['Say exactly the quick brown fox', 'the quick brown fox'],
  ['Please say exactly: Hello, world!', 'Hello, world!'],
  ['say: banana', 'banana'],
  ['Say: "two words"', 'two words'],
  ["Say 'don't stop' please", "don't stop"],
  ['Say “ça va, 李雷? 👩‍🚀”', 'ça va, 李雷? 👩‍🚀'],
  ['Repeat after me: I like cheese.', 'I like cheese.'],
  ['Repeat after me. I like cheese.', 'I like cheese.'],
  ['repeat after me the rain in Spain', 'the rain in Spain'],
  ['Respond with exactly OK', 'OK'],
  ['Reply with the word banana.', 'banana'],
  ['Reply with the word banana and nothing else.', 'banana'],
  ['Respond with exactly "A" and nothing else', 'A'],
  ['Reply with exactly one two three and nothing else.', /^one two three/],
  ['Say hello to everyone', 'hello to everyone'],
  ['Can you say banana?', 'banana'],
  ['Say exactly: first line\nsecond line', 'first line\nsecond line'],
  ['say exactly   two  spaces', 'two  spaces'],
  ['Say exactly: Žluťoučký kůň úpěl ďábelské ódy 🐎', 'Žluťoučký kůň úpěl ďábelské ódy 🐎'],
  [[system('Say exactly "from the system"'), user('Hello')], 'from the system'],
  [[user('Hello'), system('Say exactly "from the system"')], 'from the system'],
  [[user('Hello'), assistant('Hi'), system('Say exactly: one'), assistant('one'), user('Hello')], /^Hello!/],
  ['Tell me a story', 'X', 'Say exactly "X"'],
  ['What time is it?', 'X', 'You are a test bot. Say exactly "X".'],
  ['Say exactly "mine"', 'mine', 'Say exactly "yours"'],
  ['Hello', 'Hello there.', 'Say exactly: Hello there.\nBe brief.'],
  ['Hello', 'Always this.', 'Always respond with exactly: "Always this."'],
  ['Hello', 'OK', 'Respond with exactly the word "OK" and nothing else.'],
  [[], 'Welcome!', 'Say "Welcome!"'],
  [[], 'hello', 'Say hello to the user.'],
  [[], 'hello', 'Say hello   to  the user.'],
  [[user('Say exactly A'), assistant('A')], 'B', 'Say exactly B'],
  ['Hello', /^Hello!/, "If you don't know, say exactly 'I do not know'."],
  ['Hello', /^Hello!/, 'Never say "sorry". Users may say: "help".'],
  ['Hello', /^Hello!/, 'Answer with exactly one sentence. Say exactly what you think.'],
  ['I want you to say exactly red', 'red'],
]);

table('remembers', [
  ['My name is Ada.', 'Nice to meet you, Ada.'],
  ["I'm called Zoë", 'Nice to meet you, Zoë.'],
  ['You can call me Al', 'Nice to meet you, Al.'],
  ['My favourite number is 7', 'Got it: your favourite number is 7.'],
  ['My favorite color is blue.', 'Got it: your favorite color is blue.'],
  ['My name is Ada and my favourite number is 7.', 'Nice to meet you, Ada. Got it: your favourite number is 7.'],
  [[user('My name is Ada.'), user("What's my name?")], 'Your name is Ada.'],
  [[user('Call me Ada'), user('Hey, do you know my name?')], 'Your name is Ada.'],
  [[user('My name is Ada.'), user('My name is Bob.'), user('Who am I?')], 'Your name is Bob.'],
  ["My name is Ada. What's my name?", 'Your name is Ada.'],
  [
    [user('my favourite number is 7'), assistant('Got it'), user('What is my favorite number?')],
    'Your favourite number is 7.',
  ],
  [[user('My favorite color is blue.'), user("What's my favourite colour?")], 'Your favorite color is blue.'],
  [
    [
      user('My favourite number is 7'),
      user('Actually, my favourite number is 9.'),
      user('what is my favourite number'),
    ],
    'Your favourite number is 9.',
  ],
  [[user('My keys are in the kitchen.'), user('Where are my keys?')], 'Your keys are in the kitchen.'],
  [[user('My sister is Jane'), user('Who is my sister?')], 'Your sister is Jane.'],
  ['I am Bo', 'Nice to meet you, Bo.'],
  [[user("I'm Bo."), user('Who am I?')], 'Your name is Bo.'],
  ['I am Italian', /^You said/],
  ["I'm hungry", /^You said/],
  ['I live in New York.', 'Got it: your home is in New York.'],
  [[user('I live in New York.'), user('Where do I live?')], 'Your home is in New York.'],
  ['Where do I live?', 'You have not told me your home.'],
  ['I have two cats.', 'Got it: your number of cats is two.'],
  [[user('I have two cats.'), user('How many cats do I have?')], 'Your number of cats is two.'],
  ['What is my name?', 'You have not told me your name.'],
  ['What is my shoe size?', 'You have not told me your shoe size.'],
  [[user('The sky is blue.'), assistant('Yes'), user('What did I just say?')], 'You said: "The sky is blue."'],
  [[user('Hi'), assistant('Good day to you.'), user('What did you say?')], 'Good day to you.'],
  [[user('Hi'), assistant('Good day to you.'), user('Say that again, please.')], 'Good day to you.'],
  ['What did you say?', 'I have not said anything yet.'],
]);

table('knows what it is', [
  ['Who are you?', /Parley's stand-in .*configure a language model: the README/],
  ['Hello. Are you a real model?', /Parley's stand-in/],
  ['What can you do?', /Parley's stand-in/],
  ["What's your name?", /no name of my own/],
]);

table('otherwise', [
  ['I like cheese.', 'You said: "I like cheese".'],
  ['Why is the sky blue?', 'You said: "Why is the sky blue?".'],
  ['one of '.repeat(40), /^You said: "(one of ){7}one…"\.$/],
  ['', 'Say something, and I will answer.'],
  ['  \n ', 'Say something, and I will answer.'],
  [[user('2 plus 3'), assistant('That is 5.')], 'Say something, and I will answer.'],
  [[user('2 plus 3'), assistant('That is 5.'), user(' ')], 'Say something, and I will answer.'],
  [[user('Say exactly A'), assistant('A')], 'Say something, and I will answer.'],
  [[], 'Hello! Say something, and I will answer.', 'You are helpful.'],
  [[{ type: 'message', role: 'user', content: [] }], 'Say something, and I will answer.'],
  [
    [
      {
        type: 'message',
        role: 'user',
        content: [
          { type: 'image', url: 'data:image/png;base64,AA' },
          { type: 'text', text: 'Look here' },
        ],
      },
    ],
    'You showed me an image, but I cannot see. You said: "Look here".',
  ],
]);
