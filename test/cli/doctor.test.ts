import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startMcpServer } from '../../dev/harness/mcp-server.ts';
import { doctor } from '../../src/cli/doctor/doctor.ts';
import { chatBody, chatServer, ollama } from '../engines/openai/servers/chat-servers.ts';
import { modelServer, sendJson } from '../engines/openai/servers/model-server.ts';
import { speechServer, speechStyles } from '../engines/openai/servers/speech-servers.ts';
import { newServer } from '../support/server.ts';

async function examined(
  args: string[],
  environment: Record<string, string> = {},
): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await doctor(args, environment, (line) => lines.push(line));
  return { code, lines };
}

test('working engines are reported with their results', async (t) => {
  const chat = await modelServer(t, chatServer(ollama));
  const tts = await modelServer(t, speechServer(speechStyles.LocalAI ?? assert.fail()));
  const { code, lines } = await examined(['--llm', `${chat.url}#llama3.2`, '--tts', `${tts.url}#piper`]);
  assert.equal(code, 0);
  assert.match(lines.join('\n'), /^ok {4}voice activity +silero: found speech in \d+ % of a spoken clip$/m);
  assert.match(
    lines.join('\n'),
    /^ok {4}transcriber +moonshine: transcribed "What is the weather like today\?" where/m,
  );
  assert.match(
    lines.join('\n'),
    /^ok {4}language model +llama3\.2 at http.*: answered "Say hello\." \(first words after \d+ ms\); called get_weather\({"city":"Paris"}\)$/m,
  );
  assert.match(lines.join('\n'), /^ok {4}voice +piper at http.*: spoke 0\.5 s of sound at 22050 Hz/m);
});

test('a failing engine is reported with its reason, and the others are still checked', async (t) => {
  const locked = await modelServer(t, (_, response) => sendJson(response, { error: { message: 'no such key' } }, 401));
  const { code, lines } = await examined(['--stt', 'http://127.0.0.1:9/v1#whisper', '--llm', `${locked.url}#gpt`], {
    PARLEY_LLM_KEY: 'sk-wrong',
  });
  assert.equal(code, 1);
  assert.deepEqual(
    lines.map((line) => line.slice(0, 5).trim()),
    ['ok', 'FAIL', 'FAIL', 'ok'],
  );
  assert.match(lines[1] ?? '', /transcriber +whisper at http:\/\/127\.0\.0\.1:9\/v1: it refuses connections/);
  assert.match(lines[2] ?? '', /language model +gpt at .*: it refused the key \(HTTP 401: no such key\)/);
  assert.doesNotMatch(lines.join('\n'), /sk-wrong/);
});

for (const { heard, code, verdict } of [
  { heard: 'WHAT IS THE WEATHER, LIKE TODAY', code: 0, verdict: 'ok' },
  { heard: 'What is the feather like today?', code: 0, verdict: 'odd' },
  { heard: 'Thanks for watching!', code: 1, verdict: 'FAIL' },
]) {
  test(`a transcriber with the result "${heard}" is reported as ${verdict}, with the expected text`, async (t) => {
    const server = await modelServer(t, (_, response) => sendJson(response, { text: heard }));
    const examination = await examined(['--stt', `${server.url}#whisper`]);
    assert.equal(examination.code, code);
    const line = examination.lines.find((each) => each.includes('transcriber')) ?? '';
    assert.ok(line.startsWith(verdict), line);
    assert.ok(line.includes(`transcribed "${heard}" where "What is the weather like today?" was said`), line);
  });
}

test('the tools of every MCP server are imported', async (t) => {
  const mcp = await startMcpServer('modern');
  t.after(() => mcp.close());
  const servers = { docs: { url: mcp.url, authorization: 'secret-token' }, gone: { command: 'no-such-program-here' } };
  const { code, lines } = await examined(['--mcp-servers', JSON.stringify(servers)]);
  assert.equal(code, 1);
  const found = lines.filter((line) => line.includes('MCP server'));
  assert.match(found[0] ?? '', /^ok {4}MCP server +docs \(127\.0\.0\.1:\d+\): has 2 tools \(\d+ ms\)$/);
  assert.match(found[1] ?? '', /^FAIL {2}MCP server +gone \(no-such-program-here\): It .*no-such-program-here/);
  assert.doesNotMatch(lines.join('\n'), /secret-token/);
});

test('every upstream is checked with each of its models, and its key is not shown', async (t) => {
  const good = await newServer(t, { config: { models: ['large', 'small'] } });
  const upstream = JSON.stringify([
    { name: 'lab', url: good.wsUrl, models: { l: 'large', 'also-l': 'large', x: 'gone' }, transcription: true },
    { name: 'down', url: 'ws://127.0.0.1:9', key: 'sk-upstream-0123456789' },
  ]);
  const { code, lines } = await examined(['--upstream', upstream]);
  assert.equal(code, 1);
  const upstreamLines = lines.filter((line) => line.includes('upstream'));
  const { host } = new URL(good.url);
  assert.equal(upstreamLines.length, 4);
  assert.match(
    upstreamLines[0] ?? '',
    new RegExp(`^ok {4}upstream +lab \\(${host}\\), the model also-l: opened a session of large`),
  );
  assert.match(upstreamLines[1] ?? '', /^FAIL {2}upstream +lab .*, the model x: it does not have the model/);
  assert.match(upstreamLines[2] ?? '', /^ok {4}upstream +lab .*, a transcription session: opened a session/);
  assert.match(
    upstreamLines[3] ?? '',
    /^FAIL {2}upstream +down \(127\.0\.0\.1:9\), the model gpt-realtime: it refuses connections/,
  );
  assert.doesNotMatch(lines.join('\n'), /sk-upstream/);
});

test('engines of all sets are checked once each, with the names of their sets', async () => {
  const sets = JSON.stringify({
    a: { tts: 'http://127.0.0.1:9/v1#kokoro' },
    b: { tts: 'http://127.0.0.1:9/v1#kokoro', stt: 'embedded' },
  });
  const { code, lines } = await examined(['--engine-sets', sets]);
  assert.equal(code, 1);
  assert.equal(lines.filter((line) => line.includes('moonshine')).length, 1);
  assert.match(
    lines.find((line) => line.startsWith('FAIL')) ?? '',
    /voice +kokoro at .* \[a, b\]: it refuses connections/,
  );
});

test('models behind aliases are checked once each, with their aliases', async (t) => {
  const requested: string[] = [];
  const answer = chatServer(ollama);
  const chat = await modelServer(t, (request, response) => {
    if (request.path !== '/v1/chat/completions') return answer(request, response);
    const { model } = chatBody(request);
    requested.push(model);
    if (model !== 'nothere') return answer(request, response);
    return sendJson(response, { error: { message: 'model "nothere" not found' } }, 404);
  });
  const sets = JSON.stringify({ local: { llm: `${chat.url}#llama3.2` } });
  const aliases = JSON.stringify({
    'gpt-realtime-mini': { engines: 'local', model: 'nothere' },
    'gpt-realtime': { engines: 'local', model: 'nothere' },
    'gpt-4o-realtime-preview': 'local',
  });
  const { code, lines } = await examined(['--engine-sets', sets, '--aliases', aliases]);
  assert.equal(code, 1);
  // Once for text and once for a tool call.
  assert.deepEqual(requested, ['llama3.2', 'llama3.2', 'nothere']);
  const upstreamLines = lines.filter((line) => line.includes(chat.url));
  assert.match(upstreamLines[0] ?? '', /^ok .* \[local, alias gpt-4o-realtime-preview\]: answered/);
  assert.match(
    upstreamLines[1] ?? '',
    /^FAIL .*nothere at .* \[alias gpt-realtime-mini, alias gpt-realtime\]: .*not found/,
  );
  assert.equal(upstreamLines.length, 2);
});

for (const { does, model, says } of [
  { does: 'ignores a tool', model: { tools: undefined }, says: /did not call the tool that it was asked to use/ },
  {
    does: 'refuses tools',
    model: 'does not support tools',
    says: /a request with a tool failed: .*does not support tools/,
  },
] as const) {
  test(`a language model that ${does} is reported as odd`, async (t) => {
    const answer = chatServer(ollama);
    const chat = await modelServer(t, (request, response) => {
      if (request.path !== '/v1/chat/completions') return answer(request, response);
      const { tools, ...body } = chatBody(request);
      if (typeof model === 'string' && tools) return sendJson(response, { error: { message: model } }, 400);
      return answer({ ...request, body: Buffer.from(JSON.stringify(body)) }, response);
    });
    const { code, lines } = await examined(['--llm', `${chat.url}#llama3.2`]);
    assert.equal(code, 0);
    const line = lines.find((each) => each.includes('language model')) ?? '';
    assert.ok(line.startsWith('odd'), line);
    assert.match(line, says);
  });
}

test('an invalid configuration is reported, and nothing is checked', async () => {
  const { code, lines } = await examined(['--llm', 'gpt-4']);
  assert.equal(code, 2);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^wrong --language-model: .* There is no such engine/);
});

for (const [what, running, modelfile, window] of [
  ['of what runs', [{ model: 'llama3.2:latest', context_length: 8192 }], '', 8192],
  ['of its Modelfile', [], 'stop "x"\nnum_ctx                        16384', 16384],
  ['by default', [{ model: 'another' }], '', 4096],
  ['that is large enough', [{ name: 'llama3.2', context_length: 32768 }], '', undefined],
] as const) {
  test(`a context window in Ollama that is too small is reported: ${what}`, async (t) => {
    const chat = chatServer(ollama);
    const server = await modelServer(t, (request, response) => {
      if (request.path === '/api/version') return sendJson(response, { version: '0.14.2' });
      if (request.path === '/api/ps') return sendJson(response, { models: running });
      if (request.path === '/api/show') return sendJson(response, { parameters: modelfile });
      return chat(request, response);
    });
    const { code, lines } = await examined(['--llm', `${server.url}#llama3.2`]);
    assert.equal(code, 0);
    const odd = lines.filter((line) => line.startsWith('odd'));
    if (window === undefined) return assert.deepEqual(odd, []);
    assert.match(
      odd.join(),
      new RegExp(`llama3\\.2 at .*: Ollama gives this model a window of ${window} tokens.*OLLAMA_CONTEXT_LENGTH`),
    );
  });
}
