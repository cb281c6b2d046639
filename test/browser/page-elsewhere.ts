import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { apiKey } from '../../src/server/server.ts';
import { mint } from '../support/rest.ts';
import { newServer } from '../support/server.ts';
import { openPage } from './chromium.ts';

const key = 'sk-backend-0123456789';

/** An empty page on another origin than the API; `module`: with a module of `page/`, bundled. Returns its origin. */
export async function pageElsewhere(t: TestContext, module?: 'agents' | 'openai'): Promise<string> {
  const script = module === undefined ? undefined : await bundle(module);
  const server = createServer(({ url }, response) => {
    if (url === '/page.js') response.setHeader('Content-Type', 'text/javascript').end(script);
    else {
      const load = script === undefined ? '' : '<script type="module" src="/page.js"></script>';
      response
        .setHeader('Content-Type', 'text/html')
        .end(`<!doctype html><link rel="icon" href="data:,"><title>Shop</title>${load}`);
    }
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

async function bundle(module: string): Promise<Uint8Array> {
  const entry = fileURLToPath(new URL(`./page/${module}.ts`, import.meta.url));
  const options = { bundle: true, write: false, format: 'esm', platform: 'browser', target: 'esnext' } as const;
  const { outputFiles } = await build({ ...options, entryPoints: [entry] });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`esbuild has no output for ${module}`);
  return file.contents;
}
