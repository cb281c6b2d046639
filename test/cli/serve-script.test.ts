/** `--script` and `--record`, over a real socket and through the command. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startMcpServer } from '../../dev/harness/mcp-server.ts';
import { apiKey, type ConfigOverrides, type ParleyServer } from '../../src/server/server.ts';
import { newDirectory } from '../engines/cassette/recorded.ts';
import { tone } from '../support/fake-engines.ts';
import { outputOf } from '../support/process-output.ts';
import { mint } from '../support/rest.ts';
import { newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

const support = `
seed: 7
hears: [Where is order 1234?]
rules:
  - when: /order (?<number>\\d+)/i
    say: Let me look.
    call: look_up_order
    with: { number: "{{number}}" }
    then: Order {{number}} is {{output.status}}.
else: I did not understand.
voice: { sound: tone, per-word: 100ms }
`;

function scriptFile(t: TestContext, text: string): string {
  const path = join(newDirectory(t), 'support.yaml');
  writeFileSync(path, text);
  return path;
}

/** Half a second of sound between silences, in chunks of 100 ms. */
function question(): string[] {
  const samples = new Int16Array(24 * 1700);
  samples.set(tone(500, 24_000), 24 * 200);
  const chunks = Array.from({ length: 17 }, (_, index) => samples.slice(index * 2400, (index + 1) * 2400));
  return chunks.map((chunk) => Buffer.from(chunk.buffer).toString('base64'));
}

interface Heard {
  ids: string[];
  transcript: string;
  said: string;
  audio: Buffer;
}

/** Speaks an order like the client of an agent, on a separate connection. */
async function askByVoice(url: string, key = 'any'): Promise<Heard> {
  const client = await WireClient.open(`${url}?model=gpt-realtime`, { headers: { Authorization: `Bearer ${key}` } });
  const tools = [{ type: 'function', name: 'look_up_order', parameters: { type: 'object' } }];
  const input = { transcription: { model: 'whisper-1' }, turn_detection: { type: 'server_vad' } };
  client.send({ type: 'session.update', session: { type: 'realtime', tools, audio: { input } } });
  for (const audio of question()) client.send({ type: 'input_audio_buffer.append', audio });
  const { transcript } = await client.until('conversation.item.input_audio_transcription.completed');
  const call = await client.until('response.function_call_arguments.done');
  assert.deepEqual([call.name, call.arguments], ['look_up_order', '{"number":"1234"}']);
  await client.until('response.done');
  const item = { type: 'function_call_output', call_id: call.call_id, output: '{"status":"on its way"}' };
  client.send({ type: 'conversation.item.create', item });
  client.send({ type: 'response.create' });
  const audio: Buffer[] = [];
  for (;;) {
    const event = await client.next();
    if (event.type === 'response.output_audio.delta') audio.push(Buffer.from(event.delta, 'base64'));
    if (event.type !== 'response.done') continue;
    const [output] = event.response.output ?? [];
    assert.ok(output?.type === 'message' && output.role === 'assistant');
    const [part] = output.content;
    client.socket.close();
    await client.closed;
    const said = part?.type === 'output_audio' ? (part.transcript ?? '') : '';
    return { ids: [event.response.id ?? '', output.id, call.call_id], transcript, said, audio: Buffer.concat(audio) };
  }
}

/** The configuration of a test; the paths determine the engines. */
async function serve(t: TestContext, config: ConfigOverrides): Promise<ParleyServer> {
  const server = await newServer(t, { config });
  await server.ready;
  return server;
}

test('a scripted server transcribes, calls and answers identically in every run, including ids', async (t) => {
  const script = scriptFile(t, support);
  const first = await askByVoice((await serve(t, { script })).wsUrl);
  assert.equal(first.transcript, 'Where is order 1234?');
  assert.equal(first.said, 'Order 1234 is on its way.');
  assert.equal(first.audio.length, 6 * 100 * 48, 'a tenth of a second for each of six words');
  assert.deepEqual(await askByVoice((await serve(t, { script })).wsUrl), first);
});

test('sessions on one server have separate ids', async (t) => {
  const { wsUrl } = await serve(t, { script: scriptFile(t, support) });
  const [first, second] = [await askByVoice(wsUrl), await askByVoice(wsUrl)];
  assert.deepEqual([second.said, second.audio], [first.said, first.audio]);
  assert.ok(second.ids.every((id) => !first.ids.includes(id)));
});

test('a recorded conversation is replayed over a socket, and the cassette has no key', async (t) => {
  const record = newDirectory(t);
  const script = scriptFile(t, support.replace('seed: 7', ''));
  const key = 'sk-parley-test-secret-1234567890';
  const cassette = await serve(t, { script, cassette: record, apiKeys: [apiKey('tests', key)] });
  const recorded = await askByVoice(cassette.wsUrl, key);
  await cassette.close();
  const [folder = ''] = readdirSync(record);
  const kept = readdirSync(join(record, folder)).map((name) => readFileSync(join(record, folder, name)));
  assert.ok(kept.length >= 4 && kept.every((bytes) => !bytes.includes(key)));

  const played = await askByVoice((await serve(t, { script: record })).wsUrl);
  assert.deepEqual({ ...played, ids: [] }, { ...recorded, ids: [] });
  const named = scriptFile(t, `cassette: ${join(record, folder)}\ntiming: recorded\naudio: any\nseed: x`);
  const again = await askByVoice((await serve(t, { script: named })).wsUrl);
  assert.deepEqual({ ...again, ids: [] }, { ...recorded, ids: [] });
});

test('a client secret can name a recorded MCP server, which the configuration does not have', async (t) => {
  const mcp = await startMcpServer('modern');
  t.after(() => mcp.close());
  const record = newDirectory(t);
  const tools = [{ type: 'mcp', server_label: 'docs' }];
  const script = scriptFile(t, support);
  const recording = await serve(t, { script, cassette: record, mcpServers: { docs: { url: mcp.url } } });
  const client = await WireClient.open(`${recording.wsUrl}?model=gpt-realtime`);
  client.send({ type: 'session.update', session: { type: 'realtime', tools } });
  await client.until('mcp_list_tools.completed');
  await recording.close();

  const playing = await serve(t, { script: record });
  const secret = await mint(playing, undefined, { session: { type: 'realtime', tools } });
  const headers = { Authorization: `Bearer ${secret}` };
  const holder = await WireClient.open(`${playing.wsUrl}?model=gpt-realtime`, { headers });
  await holder.until('mcp_list_tools.completed');
  assert.equal(mcp.count('tools/list'), 1);
});

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

test('an invalid script prevents the start: exit code 2, and every error with file, line and column', async (t) => {
  const path = scriptFile(t, 'rules:\n  - wehn: hello\n    say: Hi\ndelays: { voice: long }\n');
  // PARLEY_TEST_ALL is set in CI and would be reported as an unknown option.
  const env = { ...process.env, PARLEY_TEST_ALL: undefined };
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--script', path], { env });
  t.after(() => child.kill('SIGKILL'));
  const output = await outputOf(child);
  assert.deepEqual([output.code, output.out], [2, '']);
  const lines = output.err.split('\n');
  assert.ok(
    lines.some((line) => line.startsWith(`${path}:2:5: 'wehn' is not a field of a rule. Did you mean 'when'?`)),
  );
  assert.ok(lines.some((line) => line.startsWith(`${path}:4:18: got "long", expected a duration`)));
  assert.match(output.err, /^Nothing was started\.\n$/m, 'without a hint about options');
});

test('a missing script and an unusable cassette directory are reported', async (t) => {
  await assert.rejects(newServer(t, { config: { script: '/nowhere/support.yaml' } }), {
    name: 'ConfigError',
    message: /^\/nowhere\/support\.yaml: there is no such file or folder\./,
  });
  const file = scriptFile(t, support);
  await assert.rejects(newServer(t, { config: { cassette: join(file, 'inside') } }), {
    name: 'ConfigError',
    message: /^Cassettes cannot be written to .*inside: /,
  });
});

test('a dropped connection ends without a close frame, after the text before it', async (t) => {
  const script = scriptFile(t, 'else: { say: one two three, fail: { how: drop, after: 2 } }');
  const client = await WireClient.open(`${(await serve(t, { script })).wsUrl}?model=gpt-realtime`);
  client.send({ type: 'response.create', response: { output_modalities: ['text'] } });
  assert.equal((await client.until('response.output_text.delta')).delta, 'one');
  assert.equal((await client.until('response.output_text.delta')).delta, ' two');
  assert.deepEqual(await client.closed, { code: 1006, reason: '' });
});
