/** A page of another origin, with a client secret from its backend and the API's CORS headers. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiKey } from '../../src/server/server.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { inBrowser, openPage } from './chromium.ts';
import { pageElsewhere, pageWithSecret } from './page-elsewhere.ts';

const key = 'sk-backend-0123456789';

test(
  'a page of another origin connects with a client secret in the subprotocol, and has a conversation',
  inBrowser,
  async (t) => {
    verifies('R1.4', 'R1.22', 'R1.27');
    const { server, secret, page, complaints } = await pageWithSecret(t);
    const conversation = await page.evaluate(
      ([url = '', value = '']) =>
        new Promise<{ protocol: string; instructions: string; status: string }>((resolve, reject) => {
          const socket = new WebSocket(url, ['realtime', `openai-insecure-api-key.${value}`]);
          let instructions = '';
          socket.addEventListener('close', ({ code, reason }) => reject(new Error(`closed: ${code} ${reason}`)));
          socket.addEventListener('message', ({ data }) => {
            const event = JSON.parse(String(data));
            if (event.type === 'session.created') {
              ({ instructions } = event.session);
              socket.send(JSON.stringify({ type: 'response.create' }));
            }
            if (event.type !== 'response.done') return;
            resolve({ protocol: socket.protocol, instructions, status: event.response.status });
          });
        }),
      [server.wsUrl, secret],
    );
    assert.deepEqual(conversation, { protocol: 'realtime', instructions: 'You sell shoes.', status: 'completed' });
    assert.deepEqual(complaints, []);
  },
);

test('the API allows CORS requests of an allowed origin, and no others', inBrowser, async (t) => {
  verifies('R1.26');
  const origin = await pageElsewhere(t);
  const apiKeys = [apiKey('backend', key)];
  const open = await newServer(t, { config: { apiKeys, origins: [origin] } });
  const closed = await newServer(t, { config: { apiKeys, origins: ['https://shop.example'] } });
  const { page } = await openPage(t, origin);
  const preflight = (url: string) =>
    page.evaluate(
      async ([address = '', bearer = '']) => {
        const headers = {
          Authorization: `Bearer ${bearer}`,
          'Content-Type': 'application/json',
          'X-OpenAI-Agents-SDK': 'test',
          'X-Stainless-OS': 'Linux',
        };
        const request = { method: 'POST', headers, body: '{}' };
        return fetch(address, request).then(
          async (response) => Object.keys(await response.json()).join(),
          (error: unknown) => String(error),
        );
      },
      [`${url}/v1/realtime/client_secrets`, key],
    );
  assert.equal(await preflight(open.url), 'value,expires_at,session');
  assert.match(await preflight(closed.url), /Failed to fetch/);
});
