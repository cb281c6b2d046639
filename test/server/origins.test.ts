import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { apiKey, type ConfigOverrides, type ParleyServer } from '../../src/server/server.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { refusedUpgrade, WireClient } from '../support/wire-client.ts';

const key = 'a-key';
const keys = [apiKey('test', key)];

const cases: {
  config?: ConfigOverrides;
  headers: { Host?: string; Origin?: string };
  allowed: boolean;
}[] = [
  { headers: {}, allowed: true },
  { headers: { Origin: 'http://localhost:3000' }, allowed: true },
  { headers: { Origin: 'https://127.0.0.1' }, allowed: true },
  { headers: { Origin: 'http://[::1]:5173' }, allowed: true },
  { headers: { Host: 'localhost' }, allowed: true },
  { headers: { Host: '127.8.8.8:80' }, allowed: true },
  { headers: { Host: '[::1]:8080' }, allowed: true },
  { headers: { Origin: 'https://evil.example' }, allowed: false },
  { headers: { Origin: 'http://evil.example@localhost' }, allowed: false },
  { headers: { Origin: 'http://localhost#.evil.example' }, allowed: false },
  { headers: { Origin: 'http://loc\talhost' }, allowed: false },
  { headers: { Origin: 'null' }, allowed: false },
  { headers: { Origin: 'http://localhost.evil.example' }, allowed: false },
  { headers: { Origin: 'file://localhost' }, allowed: false },
  { headers: { Host: 'evil.example' }, allowed: false },
  { headers: { Host: '127.0.0.1.evil.example' }, allowed: false },
  { headers: { Host: '10.0.0.1' }, allowed: false },
  { config: { hosts: ['voice.lan'] }, headers: { Host: 'voice.lan:8080' }, allowed: true },
  { config: { origins: ['https://app.example'] }, headers: { Origin: 'https://app.example' }, allowed: true },
  { config: { apiKeys: keys }, headers: { Origin: 'https://any.example', Host: 'any.example' }, allowed: true },
  { config: { apiKeys: keys, origins: ['https://app.example'] }, headers: {}, allowed: true },
  {
    config: { apiKeys: keys, origins: ['https://app.example'] },
    headers: { Origin: 'https://app.example' },
    allowed: true,
  },
  {
    config: { apiKeys: keys, origins: ['https://app.example'] },
    headers: { Origin: 'http://localhost:3000' },
    allowed: false,
  },
  { config: { apiKeys: keys, hosts: ['voice.example'] }, headers: { Host: 'voice.example' }, allowed: true },
  { config: { apiKeys: keys, hosts: ['voice.example'] }, headers: { Host: 'localhost' }, allowed: false },
];

for (const { config = {}, headers, allowed } of cases) {
  const setting = Object.keys(config).join(' and ') || 'nothing configured';
  test(`${allowed ? 'allowed' : 'refused'} with ${setting}: ${JSON.stringify(headers)}`, async (t) => {
    verifies('R1.5');
    const server = await newServer(t, { config });
    const url = `${server.wsUrl}?model=gpt-realtime`;
    const options = { headers: { Authorization: `Bearer ${key}`, ...headers } };
    if (allowed) {
      await WireClient.open(url, options);
      assert.equal((await get(server, headers)).status, 200);
      return;
    }
    const { status, body } = await refusedUpgrade(url, options);
    assert.equal(status, 403);
    assert.match(errorOf(body).message, 'Origin' in headers ? /origin .* "origins"/ : /Host header .* "hosts"/);
    const plain = await get(server, headers);
    assert.equal(plain.status, 403);
    assert.deepEqual(plain.body, body);
  });
}

/** Uses node:http, because `fetch` sets these headers itself. */
function get(server: ParleyServer, headers: object): Promise<{ status: number | undefined; body: unknown }> {
  return new Promise((resolve, reject) => {
    const sent = request(`${server.url}/healthz`, { headers: { ...headers } }, async (response) => {
      let text = '';
      for await (const chunk of response) text += String(chunk);
      resolve({ status: response.statusCode, body: JSON.parse(text) });
    });
    sent.on('error', reject).end();
  });
}

function errorOf(body: unknown): { message: string } {
  return (body as { error: { message: string } }).error;
}
