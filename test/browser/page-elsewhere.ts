import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { apiKey } from '../../src/server/server.ts';
import { mint } from '../support/rest.ts';
import { newServer } from '../support/server.ts';
import { openPage } from './chromium.ts';

const key = 'sk-backend-0123456789';

/** An empty page on another origin than the API. */
export async function pageElsewhere(t: TestContext): Promise<string> {
  const server = createServer((_request, response) => {
    response
      .setHeader('Content-Type', 'text/html')
      .end('<!doctype html><link rel="icon" href="data:,"><title>Shop</title>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Such a page, open in Chromium, with a client secret that its backend has created for it. */
export async function pageWithSecret(t: TestContext) {
  const origin = await pageElsewhere(t);
  const server = await newServer(t, { config: { apiKeys: [apiKey('backend', key)], origins: [origin] } });
  const secret = await mint(server, key, {
    session: { type: 'realtime', instructions: 'You sell shoes.', output_modalities: ['text'] },
    parley: { allowed_origins: [origin] },
  });
  return { server, secret, ...(await openPage(t, origin)) };
}
