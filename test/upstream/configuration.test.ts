/** Configuration of upstreams: valid forms, and errors, which never contain a key. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ConfigError, configWith, loadConfig } from '../../src/config/config.ts';
import { connectionRequest, upstreamFor, withKey } from '../../src/upstream/link/target.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-upstream-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'parley.yaml');

function load(file: string, environment: Record<string, string> = {}) {
  writeFileSync(path, file);
  return loadConfig({ flags: ['--config', path], environment }).config;
}

function problem(file: string, environment: Record<string, string> = {}): string {
  try {
    load(file, environment);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.replaceAll(path, 'FILE');
  }
  return assert.fail('nothing was wrong');
}

test('a URL alone, and the key from the environment', () => {
  const environment = { PARLEY_UPSTREAM: 'https://api.openai.com/v1', PARLEY_UPSTREAM_KEY: 'sk-secret' };
  const { config } = loadConfig({ flags: [], environment });
  const [target] = withKey(config.upstream, config.upstreamKey);
  assert.ok(target);
  assert.equal(target.name, 'api.openai.com');
  assert.deepEqual(connectionRequest(target, { type: 'realtime', model: 'gpt-realtime' }), {
    url: 'wss://api.openai.com/v1/realtime?model=gpt-realtime',
    headers: { authorization: 'Bearer sk-secret' },
  });
  assert.deepEqual(
    connectionRequest(target, { type: 'transcription', model: '' }).url,
    'wss://api.openai.com/v1/realtime?intent=transcription',
  );
});

test('several upstreams: the first that serves the model, with its own model name and key', () => {
  const keyFile = join(folder, 'key');
  writeFileSync(keyFile, 'az-secret\n');
  const config = load(`
upstream:
  - name: azure
    url: wss://example.openai.azure.com/openai/v1/realtime
    key-file: ${keyFile}
    key-header: api-key
    models: { gpt-4o-realtime-preview: my-deployment }
  - name: backup
    url: ws://127.0.0.1:9000
    key: ""
    models: [small]
    transcription: true
`);
  const find = (type: 'realtime' | 'transcription', model: string) => {
    const target = upstreamFor(config.upstream, { type, model });
    return target && { name: target.name, ...connectionRequest(target, { type, model }) };
  };
  assert.deepEqual(find('realtime', 'gpt-4o-realtime-preview'), {
    name: 'azure',
    url: 'wss://example.openai.azure.com/openai/v1/realtime?model=my-deployment',
    headers: { 'api-key': 'az-secret' },
  });
  assert.deepEqual(find('realtime', 'small'), {
    name: 'backup',
    url: 'ws://127.0.0.1:9000/v1/realtime?model=small',
    headers: {},
  });
  assert.equal(find('transcription', '')?.name, 'backup');
  assert.equal(find('realtime', 'gpt-realtime'), undefined, 'the engines serve what no upstream does');
  const parsed: object = { upstream: config.upstream };
  assert.throws(() => configWith(parsed), ConfigError, 'what was read is no input');
});

for (const [what, file, words] of [
  ['another protocol', 'upstream: ftp://example.com', 'At 0.url: expected an address such as wss://'],
  [
    'a password in the address',
    'upstream: wss://me:hunter2@example.com',
    'At 0.url: expected an address such as wss://',
  ],
  ['a misspelt field', 'upstream: [{ url: wss://example.com, api_key: hunter2 }]', 'At 0: api_key is not known.'],
  [
    'a key with a space',
    'upstream: [{ url: wss://example.com, key: "hunter2 x" }]',
    'At 0.key: expected a key without spaces.',
  ],
  [
    'a file that is not there',
    'upstream: [{ url: wss://example.com, key-file: /nowhere/hunter2 }]',
    'At 0.key-file: expected the path of a file that can be read and holds a key.',
  ],
  [
    'a header that no upstream takes',
    'upstream: [{ url: wss://example.com, key-header: x-key }]',
    'At 0.key-header: expected authorization or api-key.',
  ],
  [
    'a model that is no name',
    'upstream: [{ url: wss://example.com, models: 5 }]',
    "At 0.models: expected a mapping of the clients' names",
  ],
  ['two of one name', 'upstream: [wss://example.com, wss://example.com/x]', "Two upstreams are called 'example.com'"],
] as const) {
  test(`refused without revealing secrets: ${what}`, () => {
    const said = problem(file);
    assert.ok(said.includes(words), said);
    assert.equal(said.includes('hunter2'), false);
  });
}

test('a key cannot be set for several upstreams', () => {
  const said = problem('upstream: [wss://a.example, wss://b.example]', { PARLEY_UPSTREAM_KEY: 'hunter2' });
  assert.ok(
    said.startsWith(
      "upstream-key is for the one upstream that has no key of its own; there is 'a.example', 'b.example'.",
    ),
    said,
  );
  assert.equal(said.includes('hunter2'), false);
});
