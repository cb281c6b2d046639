/** Hints after the error text: for a field of the other dialect or a misspelt one (docs/protocol.md §5, §6). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { betaDialect, ClientEventError, type Dialect, gaDialect } from '../../src/protocol/index.ts';
import { verifies } from '../support/verifies.ts';

function refusal(dialect: Dialect, event: object): { code: string | null; param: string | null; message: string } {
  try {
    dialect.parse(JSON.stringify(event));
  } catch (error) {
    if (error instanceof ClientEventError) return error.wireError;
    throw error;
  }
  throw new assert.AssertionError({ message: 'the event was accepted' });
}

const ga = (session: object) => ({ type: 'session.update', session: { type: 'realtime', ...session } });
const beta = (session: object) => ({ type: 'session.update', session });

for (const [name, dialect, event, param, message] of [
  [
    'a beta field in GA',
    gaDialect,
    ga({ modalities: ['text'] }),
    'session.modalities',
    "It belongs to the beta dialect; this connection speaks GA, where it is 'session.output_modalities'.",
  ],
  [
    'a nested counterpart',
    gaDialect,
    ga({ voice: 'alloy' }),
    'session.voice',
    "It belongs to the beta dialect; this connection speaks GA, where it is 'session.audio.output.voice'.",
  ],
  [
    'a beta field that GA has nowhere',
    gaDialect,
    ga({ temperature: 0.8 }),
    'session.temperature',
    'It belongs to the beta dialect.',
  ],
  ['a GA group in beta', betaDialect, beta({ audio: {} }), 'session.audio', 'It belongs to the GA dialect.'],
  [
    'a GA field in beta',
    betaDialect,
    beta({ output_modalities: ['text'] }),
    'session.output_modalities',
    "It belongs to the GA dialect; this connection speaks beta, where it is 'session.modalities'.",
  ],
  ['the GA type in beta', betaDialect, beta({ type: 'realtime' }), 'session.type', 'It belongs to the GA dialect.'],
  [
    'a beta field of a response in GA',
    gaDialect,
    { type: 'response.create', response: { modalities: ['text'] } },
    'response.modalities',
    "It belongs to the beta dialect; this connection speaks GA, where it is 'response.output_modalities'.",
  ],
  [
    'the beta name of a response token limit in GA',
    gaDialect,
    { type: 'response.create', response: { max_response_output_tokens: 100 } },
    'response.max_response_output_tokens',
    "It belongs to the beta dialect; this connection speaks GA, where it is 'response.max_output_tokens'.",
  ],
  [
    'a misspelt field',
    gaDialect,
    ga({ instuctions: 'Hi' }),
    'session.instuctions',
    "Did you mean 'session.instructions'?",
  ],
  [
    'a misspelt field, nested',
    gaDialect,
    ga({ audio: { input: { turn_detection: { type: 'server_vad', treshold: 0.4 } } } }),
    'session.audio.input.turn_detection.treshold',
    "Did you mean 'session.audio.input.turn_detection.threshold'?",
  ],
  [
    'a misspelt field in a list',
    betaDialect,
    beta({ tools: [{ type: 'function', name: 'f', descripton: 'x' }] }),
    'session.tools[0].descripton',
    "Did you mean 'session.tools[0].description'?",
  ],
  [
    'a misspelt field of an event',
    gaDialect,
    { type: 'response.create', respnse: {} },
    'respnse',
    "Did you mean 'response'?",
  ],
] as const) {
  test(name, () => {
    verifies('R5.3');
    const error = refusal(dialect, event);
    assert.deepEqual(
      [error.code, error.param, error.message],
      ['unknown_parameter', param, `Unknown parameter: '${param}'. ${message}`],
    );
  });
}

test('a field without a similar name has no hint', () => {
  assert.equal(refusal(gaDialect, ga({ bogus_field: 1 })).message, "Unknown parameter: 'session.bogus_field'.");
  const key = 'x'.repeat(100_000);
  assert.equal(refusal(gaDialect, ga({ [key]: 1 })).code, 'unknown_parameter');
});
