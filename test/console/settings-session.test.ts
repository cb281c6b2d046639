/** The session that the settings describe: as JSON, in both dialects, with and without secrets, and its updates. */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { problemOf } from '../../console/settings/check.js';
import { fromDialect, gaPathOf, toDialect, toGaEvent } from '../../console/settings/dialect.js';
import { numberProblem, readField, writeField } from '../../console/settings/field-values.js';
import { sections, toolFields } from '../../console/settings/fields.js';
import { parseJson, valueAt, withValue } from '../../console/settings/json.js';
import { rowsOf, schemaOf } from '../../console/settings/parameters.js';
import { hideSecrets, joinSecrets, maskSecrets, splitSecrets, unmaskSecrets } from '../../console/settings/secrets.js';
import { SessionUpdates } from '../../console/settings/session-updates.js';
import { sessionUpdateSchema } from '../../src/protocol/wire/session-config.ts';

suite('JSON by hand', () => {
  const problems: [text: string, problem: string][] = [
    ['', 'Line 1, column 1: the JSON ends here, but a value is missing.'],
    ['[{]', 'Line 1, column 3: a name in double quotes expected, not "]".'],
    ['{\n  "a": 1\n  "b": 2\n}', 'Line 3, column 3: "," or "}" expected, not "\\"".'],
    ['{"a" 1}', 'Line 1, column 6: ":" expected, not "1".'],
    ["{'a': 1}", 'Line 1, column 2: a name in double quotes expected, not "\'".'],
    ['{"a": 1,}', 'Line 1, column 9: a name in double quotes expected, not "}".'],
    ['[1, 2', 'Line 1, column 6: the JSON ends here, but "," or "]" is missing.'],
    ['{"a": undefined}', 'Line 1, column 7: a value expected, not "u".'],
    ['{"a": "x\ny"}', 'Line 1, column 7: a value expected, not "\\"".'],
    ['{} {}', 'Line 1, column 4: the end expected, not "{".'],
    ['[01]', 'Line 1, column 3: "," or "]" expected, not "1".'],
  ];
  for (const [text, problem] of problems)
    test(`${JSON.stringify(text)}: the place is named`, () => assert.deepEqual(parseJson(text), { problem }));

  test('a damaged text has a place within it, whatever it is', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.string({ maxLength: 2 }), (json, at, noise) => {
        const cut = at % (json.length + 1);
        const text = json.slice(0, cut) + noise + json.slice(cut + 1);
        const { problem } = parseJson(text);
        const [, line, column] = /^Line (\d+), column (\d+): .*\.$/s.exec(problem ?? 'Line 1, column 1: none.') ?? [];
        const lines = text.split('\n');
        const length = lines[Number(line) - 1]?.length ?? -1;
        assert.ok(Number(column) >= 1 && Number(column) <= length + 1, `${JSON.stringify(text)}: ${problem}`);
      }),
      { numRuns: 500 },
    );
  });
});

suite('values by path', () => {
  test('a value is set and removed, with objects that are then empty, and other fields remain', () => {
    const before = { audio: { input: { x: 1 } } };
    const set = withValue(before, 'audio.output.voice', 'marin');
    assert.deepEqual(set, { audio: { input: { x: 1 }, output: { voice: 'marin' } } });
    assert.deepEqual(withValue(set, 'audio.output.voice', undefined), before);
    assert.equal(valueAt({}, 'constructor.name'), undefined);
  });
});

suite('the beta dialect', () => {
  const session = {
    type: 'realtime',
    instructions: 'Be brief.',
    output_modalities: ['audio'],
    unknown: 1,
    audio: {
      input: {
        turn_detection: null,
        transcription: { model: 'whisper-1' },
        format: { type: 'audio/pcm', rate: 24_000 },
      },
      output: { voice: 'marin', speed: 1.2 },
    },
  };
  const flat = {
    instructions: 'Be brief.',
    unknown: 1,
    modalities: ['text', 'audio'],
    input_audio_format: 'pcm16',
    input_audio_transcription: { model: 'whisper-1' },
    turn_detection: null,
    voice: 'marin',
    speed: 1.2,
  };

  test('a session is flat, and the same again in GA', () => {
    assert.deepEqual(toDialect(session, 'beta'), flat);
    assert.deepEqual(fromDialect(flat, 'beta'), session);
    assert.equal(toDialect(session, 'ga'), session);
  });

  test('errors name fields of either dialect', () => {
    assert.equal(gaPathOf('session.turn_detection.threshold'), 'audio.input.turn_detection.threshold');
    assert.equal(gaPathOf('session.audio.output.voice'), 'audio.output.voice');
    assert.equal(gaPathOf('session.tools[2].server_url'), 'tools.2.server_url');
  });

  test('events get the names of GA, and GA events are unchanged', () => {
    const names = ['response.text.delta', 'response.audio_transcript.done', 'conversation.item.created'];
    assert.deepEqual(
      names.map((type) => toGaEvent({ type }).type),
      ['response.output_text.delta', 'response.output_audio_transcript.done', 'conversation.item.added'],
    );
    assert.deepEqual(toGaEvent({ type: 'session.updated', session: flat }), { type: 'session.updated', session });
    const event = { type: 'session.updated', session };
    assert.equal(toGaEvent(event), event);
  });
});

suite('fields of the form', () => {
  const lists = { models: [], transcribers: [], voices: ['marin'], engines: [], requiresKey: false, problem: '' };
  const bases = ['server_vad', 'semantic_vad'].map((type) => ({
    type: 'realtime',
    audio: { input: { turn_detection: { type }, transcription: {}, noise_reduction: { type: 'near_field' } } },
  }));
  const all = [...sections.flatMap(({ fields, more }) => [...fields, ...(more?.fields ?? [])]), ...toolFields];
  const isAccepted = (session: object) => sessionUpdateSchema.safeParse(session).success;

  // GA has no temperature.
  for (const field of all.filter(({ path }) => path !== 'temperature')) {
    test(`the protocol accepts the values of ${field.path}: ${field.label}`, () => {
      const base = bases.find((each) => field.isShown?.(each, 'ga') ?? true);
      assert.ok(base);
      const { kind, min = 0, max = 0, options } = field;
      const texts = {
        choice: options?.(lists, base).map(({ value }) => value) ?? [],
        number: [min, max].map(String),
        text: ['en'],
        lines: ['one\ntwo'],
      };
      assert.ok(texts[kind].length > 0);
      for (const text of texts[kind]) {
        const session = writeField(field, base, text);
        assert.ok(isAccepted(session), JSON.stringify(session));
        assert.equal(readField(field, session), text);
      }
      if (kind !== 'number') return;
      for (const outside of [min - 0.01, max + 0.01, min - 1, max + 1]) {
        assert.match(numberProblem(field, String(outside)), /^Enter a .*number from .* to /);
        assert.ok(!isAccepted(writeField(field, base, String(outside))), `${outside}`);
      }
    });
  }
});

suite('secrets of MCP servers', () => {
  const docs = { type: 'mcp', server_label: 'docs', server_url: 'https://docs.example/mcp' };
  const session = {
    tools: [
      { ...docs, authorization: 'a', headers: { 'X-Key': 'b' } },
      { type: 'function', name: 'f' },
    ],
  };

  test('split from a session and joined again', () => {
    const { session: shown, secrets } = splitSecrets(session);
    assert.deepEqual(shown, { tools: [docs, { type: 'function', name: 'f' }] });
    assert.deepEqual(joinSecrets(shown, secrets), session);
  });

  test('masked, and put back after an edit', () => {
    const masked = maskSecrets(session);
    assert.doesNotMatch(JSON.stringify(masked), /"[ab]"/);
    assert.deepEqual(unmaskSecrets(masked, session), session);
  });

  test('a recorded session has neither them nor the query of an address', () => {
    const server = { ...docs, server_url: 'https://ada:c@docs.example/mcp?token=d', authorization: 'e' };
    const [recorded] = [hideSecrets({ tools: [server] }).tools].flat();
    assert.deepEqual(recorded, { ...docs, authorization: '••••••••' });
  });

  test('never joined to a server at another address', () => {
    const elsewhere = JSON.parse(JSON.stringify(maskSecrets(session)).replace('docs.example', 'evil.example'));
    const result = unmaskSecrets(elsewhere, session);
    assert.deepEqual(result, elsewhere);
    assert.match(problemOf(result), /^session\.tools\[0\]: enter its authorization and headers again/);
    const { secrets } = splitSecrets(session);
    const other = { tools: [{ ...docs, server_url: 'https://evil.example/mcp' }] };
    assert.deepEqual(joinSecrets(other, secrets), other);
  });

  for (const key of ['connector_id', 'tunnel_id'])
    test(`never joined to a server with another ${key}`, () => {
      const server = { type: 'mcp', server_label: 'mail', [key]: 'one', authorization: 'a' };
      const [masked] = [maskSecrets({ tools: [server] }).tools].flat();
      const result = unmaskSecrets({ tools: [{ ...Object(masked), [key]: 'two' }] }, { tools: [server] });
      assert.match(problemOf(result), /enter its authorization and headers again/);
      assert.deepEqual(unmaskSecrets({ tools: [masked] }, { tools: [server] }), { tools: [server] });
    });
});

suite('parameters of a function as rows', () => {
  const schema = {
    type: 'object',
    additionalProperties: false,
    properties: { city: { type: 'string', description: 'A town.', enum: ['Paris'] }, days: { type: 'integer' } },
    required: ['city'],
  };

  test('keywords without a column remain', () => {
    const rows = rowsOf(schema);
    assert.ok(rows);
    assert.deepEqual(schemaOf(rows, schema), schema);
    const renamed = rows.map((row) => ({ ...row, name: row.name === 'days' ? 'nights' : row.name }));
    assert.deepEqual(Object.keys(Object(schemaOf(renamed, schema).properties)), ['city', 'nights']);
  });

  test('a schema that has no rows is left as text', () => {
    for (const other of [{ type: 'string' }, true, { type: 'object', properties: { a: { anyOf: [] } } }])
      assert.equal(rowsOf(other), null);
  });
});

suite('updates of a session', () => {
  function newUpdates() {
    const sent: { id: string; session: object }[] = [];
    const refused: string[] = [];
    const unchanged: string[] = [];
    const updates = new SessionUpdates(
      (session) => {
        const id = `e${sent.length}`;
        sent.push({ id, session });
        return id;
      },
      ({ message }) => refused.push(message),
      (path) => unchanged.push(path),
    );
    return { updates, sent, refused, unchanged };
  }
  const initial = { type: 'realtime', instructions: 'Of the server.', audio: { output: { voice: 'alloy' } } };

  test('refusals are of updates that were sent', () => {
    const ids = ['first', null, 'third'];
    const updates = new SessionUpdates(
      () => ids.shift() ?? null,
      () => {},
      () => {},
    );
    updates.start(initial, { type: 'realtime', instructions: 'A' }, 'ga');
    for (const instructions of ['Too long for a call.', 'B']) updates.apply({ type: 'realtime', instructions });
    const refusal = { message: 'Wrong.', code: null, param: null };
    assert.equal(updates.refused({ ...refusal, event_id: null }), false);
    assert.equal(updates.refused({ ...refusal, event_id: 'third' }), true);
  });

  test('the first one has everything, later ones a change each', () => {
    const { updates, sent } = newUpdates();
    updates.start(initial, { type: 'realtime', instructions: 'A', unknown: [1], 'a.b': 2 }, 'ga');
    updates.apply({ type: 'realtime', unknown: [1], 'a.b': 2, audio: { output: { voice: 'marin', speed: 1.5 } } });
    assert.deepEqual(
      sent.map(({ session }) => session),
      [
        { type: 'realtime', instructions: 'A', unknown: [1], 'a.b': 2 },
        { type: 'realtime', instructions: 'Of the server.' },
        { type: 'realtime', audio: { output: { voice: 'marin' } } },
        { type: 'realtime', audio: { output: { speed: 1.5 } } },
      ],
    );
  });

  test('if the server refuses an update, its parts are sent alone, and only the wrong one is reported', () => {
    const { updates, sent, refused } = newUpdates();
    updates.start(initial, { type: 'realtime', instructions: 'A', tools: 5 }, 'ga');
    const error = { code: 'invalid_type', param: 'session.tools' };
    assert.ok(updates.refused({ ...error, message: 'all', event_id: 'e0' }));
    assert.deepEqual(refused, []);
    assert.deepEqual(
      sent.slice(1).map(({ session }) => session),
      [
        { type: 'realtime', instructions: 'A' },
        { type: 'realtime', tools: 5 },
      ],
    );
    assert.ok(updates.refused({ ...error, message: 'tools', event_id: 'e2' }));
    assert.deepEqual(refused, ['tools']);
    assert.ok(!updates.refused({ ...error, message: 'another event', event_id: 'page_9' }));
  });

  test('a removed field that the server had not set is reported, because no update can remove it', () => {
    const { updates, sent, unchanged } = newUpdates();
    updates.start(initial, { instructions: 'A', reasoning: { effort: 'low' } }, 'ga');
    updates.apply({});
    assert.deepEqual(unchanged, ['reasoning']);
    assert.deepEqual(
      sent.slice(1).map(({ session }) => session),
      [{ type: 'realtime', instructions: 'Of the server.' }],
    );
  });

  test('nothing is sent without a session', () => {
    const { updates, sent } = newUpdates();
    updates.apply({ instructions: 'A' });
    updates.start(initial, { type: 'realtime' }, 'ga');
    updates.end();
    updates.apply({ instructions: 'A' });
    assert.equal(sent.length, 1);
  });
});
