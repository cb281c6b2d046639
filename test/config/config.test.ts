import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  apiKey,
  ConfigError,
  type ConfigOverrides,
  configHelp,
  configWith,
  loadConfig,
} from '../../src/config/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-config-'));
after(() => rmSync(folder, { recursive: true }));

interface Given {
  flags?: string[];
  environment?: Record<string, string>;
  /** The text of a configuration file. */
  file?: string;
}

const path = join(folder, 'parley.yaml');

function load({ flags = [], environment = {}, file }: Given) {
  if (file === undefined) return loadConfig({ flags, environment });
  writeFileSync(path, file);
  return loadConfig({ flags: ['--config', path, ...flags], environment });
}

/** The lines of the error for an invalid configuration. */
function problems(given: Given): string[] {
  try {
    load(given);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.replaceAll(path, 'FILE').split('\n');
  }
  return [];
}

test('flags override the environment, which overrides the file', () => {
  const file = 'port: 1\nhost: localhost\noutput-lead-ms: 500\nlimits:\n  sessions: 5\n  frame-bytes: 1MiB\n';
  const environment = { PARLEY_PORT: '2', PARLEY_OUTPUT_LEAD_MS: 'inf', PARLEY_LIMITS_SESSIONS: '6' };
  const { config } = load({ file, environment, flags: ['--port', '3', '--limits.sessions=7'] });
  assert.equal(config.port, 3);
  assert.equal(config.outputLeadMs, Number.POSITIVE_INFINITY);
  assert.equal(config.host, 'localhost');
  assert.deepEqual([config.limits.sessions, config.limits.frameBytes], [7, 1024 ** 2]);
});

test('a deprecated name is accepted in each source, with a warning that names the new one', () => {
  const expected = (where: string, name: string) => `${where} is deprecated and will be removed: use ${name}.`;
  const flag = load({ flags: ['--record', 'kept'] });
  assert.equal(flag.config.cassette, 'kept');
  assert.deepEqual(flag.warnings, [expected('--record', '--cassette')]);
  const variable = load({ environment: { PARLEY_RECORD: 'kept' } });
  assert.equal(variable.config.cassette, 'kept');
  assert.deepEqual(variable.warnings, [expected('Environment variable PARLEY_RECORD', 'PARLEY_CASSETTE')]);
  const { config, warnings } = load({ file: 'limits:\n  recording-bytes: 1MiB\n' });
  assert.equal(config.limits.cassetteBytes, 1024 ** 2);
  const where = `Configuration file ${path}, limits.recording-bytes`;
  assert.deepEqual(warnings, [expected(where, 'limits.cassette-bytes')]);
  assert.deepEqual(load({ flags: ['--cassette', 'kept'] }).warnings, []);
});

test('the file may be set by an environment variable, and may be JSON', () => {
  writeFileSync(path, '{"port": 9, "models": ["a", "b"]}');
  const { config } = loadConfig({ flags: [], environment: { PARLEY_CONFIG: path } });
  assert.deepEqual([config.port, config.models], [9, ['a', 'b']]);
});

test('an empty file, an empty variable and an entry without a value change nothing', () => {
  assert.equal(load({ file: '' }).config.port, 8080);
  assert.equal(load({ file: 'port:\nlimits:\n' }).config.port, 8080);
  assert.equal(load({ environment: { PARLEY_PORT: '' } }).config.port, 8080);
});

test('a list is comma-separated or a repeated flag', () => {
  assert.deepEqual(load({ flags: ['--models', 'a,b', '--models', 'c'] }).config.models, ['a', 'b', 'c']);
  assert.deepEqual(load({ environment: { PARLEY_MODELS: ' a , b ' } }).config.models, ['a', 'b']);
});

test('keys are stored as hashes, with their names from the file', () => {
  const { config } = load({ file: 'api-keys:\n  - name: phones\n    key: sk-secret-1\n  - sk-secret-2\n' });
  assert.deepEqual(
    config.apiKeys.map(({ name }) => name),
    ['phones', 'key-2'],
  );
  assert.doesNotMatch(JSON.stringify(config), /sk-secret/);
  assert.equal(load({ environment: { PARLEY_API_KEYS: 'a,b' } }).config.apiKeys.length, 2);
});

const wholePort = 'expected a whole number from 0 to 65535.';
const refused: { given: Given; expected: string[] }[] = [
  { given: { flags: ['--port', '80a'] }, expected: [`--port: got "80a", ${wholePort}`] },
  { given: { flags: ['--port=65536'] }, expected: [`--port: got "65536", ${wholePort}`] },
  {
    given: { environment: { PARLEY_PORT: '-1' } },
    expected: [`Environment variable PARLEY_PORT: got "-1", ${wholePort}`],
  },
  {
    given: { file: 'port: [1]' },
    expected: [`Configuration file FILE, port: got "[1]", ${wholePort}`],
  },
  { given: { flags: ['--port'] }, expected: ['--port needs a value: a whole number from 0 to 65535.'] },
  {
    given: { flags: ['--host', '--tls'] },
    expected: ['--host needs a value: an IP address or a host name, without a port.'],
  },
  { given: { flags: ['--prot', '80'] }, expected: ['--prot is not an option. Did you mean --port?'] },
  { given: { flags: ['--port', '1', '--port', '2'] }, expected: ['--port is given twice.'] },
  { given: { flags: ['8080'] }, expected: ['"8080" is not an option: options start with --.'] },
  {
    given: { file: 'limit:\n  sessions: 1' },
    expected: ['Configuration file FILE, limit is not an option. Did you mean limits?'],
  },
  {
    given: { file: 'limits:\n  session: 1' },
    expected: ['Configuration file FILE, limits.session is not an option. Did you mean limits.sessions?'],
  },
  {
    given: { file: 'limits: 3' },
    expected: ['Configuration file FILE, limits: got "3", expected a mapping of options.'],
  },
  {
    given: { file: '- port' },
    expected: ['Configuration file FILE: expected a mapping of options, such as "port: 8080".'],
  },
  {
    given: { environment: { PARLEY_LOG_LEVEL: 'loud' } },
    expected: ['Environment variable PARLEY_LOG_LEVEL: got "loud", expected one of debug, info, warn, error, silent.'],
  },
  {
    given: { flags: ['--output-lead-ms', 'Infinity'] },
    expected: ['--output-lead-ms: got "Infinity", expected a whole number from 100 to 3600000, or inf.'],
  },
  {
    given: { flags: ['--limits.frame-bytes', '22MB'] },
    expected: [
      '--limits.frame-bytes: got "22MB", expected a number of bytes from 1KiB to 256MiB, such as 65536, 64KiB or 16MiB.',
    ],
  },
  {
    given: { flags: ['--origins', 'https://app.example/path'] },
    expected: [
      '--origins: got "https://app.example/path", expected origins such as https://app.example.com, without a path.',
    ],
  },
  {
    given: { flags: ['--tls-cert', 'cert.pem'] },
    expected: ['--tls-cert is given without --tls-key: TLS needs both.'],
  },
  {
    given: { flags: ['--tls', 'self-signed', '--tls-cert', 'a', '--tls-key', 'b'] },
    expected: ['--tls self-signed and --tls-cert exclude each other: give one of them.'],
  },
  {
    given: { flags: ['--port', 'x'], environment: { PARLEY_TLS: 'on' } },
    expected: [
      'Environment variable PARLEY_TLS: got "on", expected one of off, self-signed.',
      `--port: got "x", ${wholePort}`,
    ],
  },
];

for (const { given, expected } of refused) {
  test(`refused by name: ${JSON.stringify(given)}`, () => assert.deepEqual(problems(given), expected));
}

const fromCode: { given: unknown; expected: string[] }[] = [
  { given: { prot: 1 }, expected: ['config.prot is not an option. Did you mean config.port?'] },
  { given: { 'log-level': 'info' }, expected: ['config.log-level is not an option. Did you mean config.logLevel?'] },
  {
    given: { limits: { session: 5 } },
    expected: ['config.limits.session is not an option. Did you mean config.limits.sessions?'],
  },
  { given: { limits: 5 }, expected: ['config.limits: got "5", expected an object of options.'] },
  { given: { port: 'abc' }, expected: [`config.port: got "abc", ${wholePort}`] },
  { given: { port: null }, expected: [`config.port: got "null", ${wholePort}`] },
  {
    given: { logLevel: 'loud', lenient: 1 },
    expected: [
      'config.logLevel: got "loud", expected one of debug, info, warn, error, silent.',
      'config.lenient: got "1", expected true or false.',
    ],
  },
  { given: 8080, expected: ['config: got "8080", expected an object of options.'] },
  ...[{ HOST: 'internal.example' }, { 'x-key': 'two\nlines' }, { 'x key': 'a' }].map((headers) => ({
    given: { mcpServers: { docs: { url: 'https://docs.example', headers } } },
    expected: [
      'config.mcpServers: got a value that is not allowed, expected a mapping of labels to { url, headers, authorization, authorization-file } or { command, args, env, cwd }, each also with require-approval and allowed-tools. At docs.headers: expected headers of printable ASCII characters, without those of the connection, such as Host and Content-Length, which Parley sets.',
    ],
  })),
];

for (const { given, expected } of fromCode) {
  test(`refused by name in code: ${JSON.stringify(given)}`, () => {
    // Values that an untyped program may pass.
    assert.throws(() => configWith(given as ConfigOverrides), { name: 'ConfigError', message: expected.join('\n') });
  });
}

test('a program passes values directly or in the form of a file', () => {
  const keys = [apiKey('phones', 'sk-1')];
  const prompts = [{ id: 'greet', instructions: 'Greet {{name}}.' }];
  const config = configWith({
    apiKeys: keys,
    prompts,
    outputLeadMs: Number.POSITIVE_INFINITY,
    limits: { frameBytes: 1024 ** 2 },
  });
  const hash = createHash('sha256').update('sk-1').digest();
  const phones = { name: 'phones', hash, project: 'default', operator: false, limits: {} };
  assert.deepEqual([config.apiKeys, config.prompts], [[phones], prompts]);
  const parsed: object = { apiKeys: config.apiKeys };
  assert.throws(() => configWith(parsed), ConfigError, 'what was read is no input');
  assert.equal(config.outputLeadMs, Number.POSITIVE_INFINITY);
  assert.equal(config.limits.frameBytes, 1024 ** 2);
  assert.equal(config.port, 8080);
  const asInFile: object = { limits: { frameBytes: '2MiB' }, apiKeys: ['sk-2'], port: undefined };
  const other = configWith(asInFile);
  assert.equal(other.limits.frameBytes, 2 * 1024 ** 2);
  assert.equal(other.apiKeys.length, 1);
  assert.equal(other.port, 8080);
});

test('a missing or malformed file is reported with its path', () => {
  assert.match(
    problems({ flags: ['--config', '/nowhere/parley.yaml'] })[0] ?? '',
    /^Configuration file \/nowhere\/parley\.yaml cannot be read: there is no such file\.$/,
  );
  assert.match(problems({ file: 'port: [1' })[0] ?? '', /^Configuration file FILE cannot be read: .*line 1/);
});

test('a refused key is not repeated', () => {
  const [problem] = problems({ environment: { PARLEY_API_KEYS: 'sk secret' } });
  assert.match(problem ?? '', /^Environment variable PARLEY_API_KEYS: got a value that is not allowed, expected keys /);
  assert.doesNotMatch(problem ?? '', /sk secret/);
});

test('an unknown PARLEY_ variable causes a warning', () => {
  const { warnings } = load({ environment: { PARLEY_PROT: '80', PATH: '/bin' } });
  assert.deepEqual(warnings, [
    'The environment variable PARLEY_PROT is not an option and has no effect. Did you mean PARLEY_PORT?',
  ]);
});

for (const host of ['0.0.0.0', '::', '192.168.1.2', 'voice.example']) {
  test(`listening on ${host} requires a key`, () => {
    const [problem] = problems({ flags: ['--host', host] });
    assert.match(
      problem ?? '',
      /^Refusing to listen on .* without API keys: .* Set PARLEY_API_KEYS .* or listen on 127\.0\.0\.1\.$/,
    );
    assert.equal(load({ flags: ['--host', host], environment: { PARLEY_API_KEYS: 'k' } }).config.host, host);
    assert.throws(() => configWith({ host }), ConfigError);
  });
}

for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
  test(`listening on ${host} does not require a key`, () =>
    assert.equal(load({ flags: ['--host', host] }).config.host, host));
}

test('the help lists every option with its default', () => {
  const help = configHelp();
  const { limits, ...options } = configWith({});
  const kebab = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const flags = [...Object.keys(options).map(kebab), ...Object.keys(limits).map((key) => `limits.${kebab(key)}`)];
  for (const flag of flags) assert.match(help, new RegExp(`^  --${flag} `, 'm'));
  assert.match(help.replace(/\s+/g, ' '), /--port PORT The TCP port .* \(default: 8080\)/);
  assert.ok(help.split('\n').every((line) => line.length <= 100));
});

test('a switch without a value means true, and accepts a boolean', () => {
  const lenient = (...flags: string[]) => loadConfig({ flags, environment: {} }).config;
  assert.equal(lenient('--lenient').lenient, true);
  assert.equal(lenient('--lenient', 'false').lenient, false);
  const both = lenient('--lenient', '--port', '5000', '--strict-truncation');
  assert.deepEqual([both.lenient, both.port, both.strictTruncation], [true, 5000, true]);
});

test('a key in a file may be a hash, and have a project and limits', () => {
  const hash = `sha256:${createHash('sha256').update('sk-1').digest('hex')}`;
  const file = [
    'api-keys:',
    `  - { name: phones, hash: "${hash}", project: shop, operator: true, limits: { sessions: 3, tokens-per-minute: 9 } }`,
  ].join('\n');
  const [key] = load({ file }).config.apiKeys;
  const options = { project: 'shop', operator: true, limits: { sessions: 3, tokensPerMinute: 9 } };
  const digest = createHash('sha256').update('sk-1').digest();
  assert.deepEqual(key, { name: 'phones', hash: digest, ...options });
  assert.deepEqual(configWith({ apiKeys: [apiKey('phones', 'sk-1', options)] }).apiKeys, [key]);
  assert.deepEqual(load({ environment: { PARLEY_API_KEYS: hash } }).config.apiKeys, [
    { name: 'key-1', hash: digest, project: 'default', operator: false, limits: {} },
  ]);
});

for (const [entry, place] of [
  ['{ name: phones }', 'entry 2: expected either a key or its hash.'],
  ['{ key: marmalade, hash: marmalade }', 'entry 2, hash: expected sha256: and 64 hexadecimal digits'],
  ['{ marmalade: 1 }', 'entry 2: expected nothing but name, key, hash, project, operator, limits.'],
  ['{ key: marmalade, limits: { sessions: 0 } }', 'entry 2, limits.sessions: expected a whole number from 1'],
  ['{ key: marmalade, limits: { tokens: 5 } }', 'entry 2, limits: expected nothing but sessions, sessions-per-minute'],
  ['{ name: a/b, key: marmalade }', 'entry 2, name: expected a name of 1 to 64 letters'],
  ['{ key: marmalade, project: "" }', 'entry 2, project: expected a project of 1 to 64'],
  ['{ key: marmalade, operator: marmalade }', 'entry 2, operator: expected true or false.'],
  ['mar malade', 'entry 2: expected a key of 1 to 512 printable'],
  ['5', 'entry 2: expected a key, or a mapping'],
  ['first', 'entry 2: expected a key that no other entry has.'],
  ['{ name: key-1, key: marmalade }', 'entry 2: expected a name that no other entry has.'],
] as const) {
  test(`an invalid key is reported by its position without its value: ${entry}`, () => {
    const [problem = ''] = problems({ file: `api-keys:\n  - first\n  - ${entry}\n` });
    assert.ok(problem.includes(` In ${place}`), problem);
    assert.doesNotMatch(problem, /marmalade|mar malade/);
  });
}
