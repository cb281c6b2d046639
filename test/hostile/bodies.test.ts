/** SECURITY.md, "a body costs more than its length": such bodies are refused at a cost bounded by their length. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawConnection } from '../../dev/harness/raw-connection.ts';
import { writeWav } from '../../src/audio/wav.ts';
import { apiKey } from '../../src/server/server.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type Scene, underAttack } from './support/under-attack.ts';

const mebibyte = 1024 ** 2;
const boundary = 'boundary';
const secrets = '/v1/realtime/client_secrets';
const transcriptions = '/v1/audio/transcriptions';

/** The head of a request, without the body. */
function post(scene: Scene, path: string, headers: readonly string[]): RawConnection {
  const connection = scene.connection();
  connection.write([`POST ${path} HTTP/1.1`, 'Host: localhost', ...headers, '\r\n'].join('\r\n'));
  return connection;
}

function part(name: string, value: Uint8Array | string, more = ''): Buffer {
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(value), Buffer.from('\r\n')]);
}

function upload(scene: Scene, parts: readonly Buffer[]): RawConnection {
  const body = Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]);
  const headers = [`Content-Type: multipart/form-data; boundary=${boundary}`, `Content-Length: ${body.length}`];
  const connection = post(scene, transcriptions, headers);
  connection.write(body);
  return connection;
}

async function refusal(connection: RawConnection): Promise<{ status: number; code: unknown; message: string }> {
  const { status } = await connection.head;
  // The response body is short, and arrives with its head or right after.
  while (!connection.body.includes('}')) await new Promise<void>((resolve) => setImmediate(resolve));
  const body = connection.body.toString();
  const { code, message } = JSON.parse(body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1)).error;
  return { status, code, message };
}

/** A WAV file with a patched header. */
function wavWith(patch: (header: DataView) => void): Buffer {
  const file = writeWav({ samples: new Int16Array(16_000), sampleRateHz: 16_000 });
  patch(new DataView(file.buffer));
  return Buffer.from(file);
}

const chunks = Buffer.concat([
  Buffer.from('RIFF\xff\xff\xff\x7fWAVE', 'latin1'),
  Buffer.alloc(mebibyte, 'junk\0\0\0\0'),
]);
const files: { name: string; file: Buffer; expected: RegExp }[] = [
  { name: 'a rate of 4 Hz', file: wavWith((header) => header.setUint32(24, 4, true)), expected: /sample rate of 4 Hz/ },
  {
    name: 'a rate of 4 GHz',
    file: wavWith((header) => header.setUint32(24, 2 ** 32 - 1, true)),
    expected: /sample rate/,
  },
  {
    name: '65,535 channels',
    file: wavWith((header) => header.setUint16(22, 65_535, true)),
    expected: /65535 channels/,
  },
  {
    name: 'frames of no bytes',
    file: wavWith((header) => header.setUint16(32, 0, true)),
    expected: /a frame has 0 bytes/,
  },
  {
    name: 'samples of no bits',
    file: wavWith((header) => header.setUint16(34, 0, true)),
    expected: /0 bits per sample/,
  },
  { name: 'chunks without end', file: chunks, expected: /more than 256 chunks/ },
];
test('WAV files with false headers are refused', async (t) => {
  for (const { name, file, expected } of files) {
    await t.test(name, async (t) => {
      await underAttack(t, {}, async (scene) => {
        await scene.waves(async () => {
          const { status, message } = await refusal(
            upload(scene, [part('model', 'm'), part('file', file, '; filename="a"')]),
          );
          assert.equal(status, 400);
          assert.match(message, expected);
        });
      });
    });
  }
});

test('a file that lasts for hours is refused before it is received in full', async (t) => {
  await underAttack(t, { config: { limits: { audioUploadMs: 60_000 } } }, async (scene) => {
    const file = Buffer.from(writeWav({ samples: new Int16Array(8000 * 90), sampleRateHz: 8000 }));
    const { status, code } = await refusal(upload(scene, [part('model', 'm'), part('file', file, '; filename="a"')]));
    assert.deepEqual({ status, code }, { status: 400, code: 'audio_too_long' });
    await scene.bystanderTurn();
  });
});

const forms: { name: string; parts: () => Buffer[]; code: string | null }[] = [
  { name: 'fields', parts: () => Array.from({ length: 20_000 }, () => part('a', '')), code: 'too_many_parts' },
  {
    name: 'files',
    parts: () => Array.from({ length: 20_000 }, () => part('file', '', '; filename="a"')),
    code: 'too_many_parts',
  },
  {
    name: 'one field of a mebibyte',
    parts: () => [part('prompt', 'x'.repeat(mebibyte))],
    code: 'string_above_max_length',
  },
  {
    name: 'a part with headers of a mebibyte',
    parts: () => [part('model', 'm', `\r\nX-Padding: ${'x'.repeat(mebibyte)}`)],
    code: 'missing_required_parameter',
  },
];
test('a form with too many parts is refused', async (t) => {
  for (const { name, parts, code } of forms) {
    await t.test(name, async (t) => {
      await underAttack(t, {}, async (scene) => {
        const form = parts();
        await scene.waves(async () => {
          const refused = await refusal(upload(scene, form));
          assert.deepEqual({ status: refused.status, code: refused.code }, { status: 400, code });
        });
      });
    });
  }
});

test('a body in one-byte chunks is refused after a thousand chunks, and its connection is closed', async (t) => {
  const types = { [secrets]: 'application/json', [transcriptions]: `multipart/form-data; boundary=${boundary}` };
  for (const [path, type] of Object.entries(types)) {
    await t.test(path, async (t) => {
      await underAttack(t, {}, async (scene) => {
        await scene.waves(async () => {
          const connection = post(scene, path, [`Content-Type: ${type}`, 'Transfer-Encoding: chunked']);
          connection.write('1\r\nx\r\n'.repeat(50_000));
          const { status, code } = await refusal(connection);
          assert.deepEqual({ status, code }, { status: 400, code: 'body_in_tiny_pieces' });
          await connection.closed;
        });
      });
    });
  }
});

test('an unauthenticated request is refused before its body is read, and its connection is closed', async (t) => {
  const key = 'sk-0123456789abcdefghijklmnopqrstuv';
  const bystander = { headers: { Authorization: `Bearer ${key}` } };
  await underAttack(t, { config: { apiKeys: [apiKey('bystander', key)] }, bystander }, async (scene) => {
    for (const path of [secrets, transcriptions, '/v1/audio/speech', '/v1/models']) {
      const connection = post(scene, path, ['Content-Type: application/json', 'Transfer-Encoding: chunked']);
      connection.write('1\r\n{\r\n');
      assert.equal((await connection.head).status, path === '/v1/models' ? 405 : 401, path);
      await connection.closed;
    }
    await scene.bystanderTurn();
  });
});

test('a body that arrives too slowly is refused after a timeout on every route', async (t) => {
  const clock = new FakeClock();
  await underAttack(t, { clock }, async (scene) => {
    const slow = [
      post(scene, secrets, ['Content-Type: application/json', 'Content-Length: 1000']),
      post(scene, '/v1/audio/speech', ['Content-Type: application/json', 'Content-Length: 1000']),
      post(scene, transcriptions, [`Content-Type: multipart/form-data; boundary=${boundary}`, 'Content-Length: 99999']),
    ];
    let answered = false;
    void Promise.all(slow.map(({ head }) => head)).then(() => {
      answered = true;
    });
    for (let seconds = 0; !answered; seconds++) {
      assert.ok(seconds < 30, 'they time out');
      for (const connection of slow) connection.write(' ');
      await clock.advance(1000);
      await scene.bystanderTurn();
    }
    for (const connection of slow) {
      const { status, code } = await refusal(connection);
      assert.deepEqual({ status, code }, { status: 408, code: 'body_too_slow' });
      await connection.closed;
    }
  });
});
