import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { generate } from 'selfsigned';
import { newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

/** The certificate of a server as PEM, which a careful user would fetch and compare. */
async function fetchCertificate(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
  const pem = socket.getPeerX509Certificate()?.toString() ?? '';
  socket.destroy();
  return pem;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'parley-tls-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('a conversation works over TLS with a trusted self-signed certificate', async (t) => {
  const { port, url, wsUrl, fingerprint } = await newServer(t, { config: { tls: 'self-signed' } });
  assert.equal(url, `https://127.0.0.1:${port}`);
  assert.equal(wsUrl, `wss://127.0.0.1:${port}/v1/realtime`);
  const ca = await fetchCertificate(port);
  assert.equal(new X509Certificate(ca).fingerprint256, fingerprint);
  for (const host of ['127.0.0.1', 'localhost']) {
    // Certificate checks stay on: the host must be among the names of the certificate.
    const client = await WireClient.open(`wss://${host}:${port}/v1/realtime?model=gpt-realtime`, { ca });
    assert.equal((await client.ask('Hello?')).response.status, 'completed');
  }
});

test('each start generates a new certificate', async (t) => {
  const [one, other] = await Promise.all([0, 1].map(() => newServer(t, { config: { tls: 'self-signed' } })));
  assert.notEqual(one?.fingerprint, other?.fingerprint);
});

test('a configured certificate is read from its files', async (t) => {
  const path = folder(t);
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], { algorithm: 'sha256' });
  const [tlsCert, tlsKey] = [join(path, 'cert.pem'), join(path, 'key.pem')];
  writeFileSync(tlsCert, cert);
  writeFileSync(tlsKey, key);
  const { port, fingerprint } = await newServer(t, { config: { tlsCert, tlsKey } });
  assert.equal(fingerprint, new X509Certificate(cert).fingerprint256);
  await WireClient.open(`wss://localhost:${port}/v1/realtime?model=gpt-realtime`, { ca: cert });
});

test('files that are not a matching certificate and key prevent the start, and the error names them', async (t) => {
  const path = folder(t);
  const { cert } = await generate([{ name: 'commonName', value: 'localhost' }], { algorithm: 'sha256' });
  const { private: otherKey } = await generate([{ name: 'commonName', value: 'other' }], { algorithm: 'sha256' });
  const files = { 'cert.pem': cert, 'other-key.pem': otherKey, 'text.pem': 'hello' };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  const start = (tlsCert: string, tlsKey: string) =>
    newServer(t, { config: { tlsCert: join(path, tlsCert), tlsKey: join(path, tlsKey) } });

  await assert.rejects(start('absent.pem', 'other-key.pem'), /--tls-cert: .*absent\.pem cannot be read/);
  await assert.rejects(start('text.pem', 'other-key.pem'), /--tls-cert: .*text\.pem is not a certificate/);
  await assert.rejects(start('cert.pem', 'text.pem'), /--tls-key: .*text\.pem is not a private key/);
  await assert.rejects(
    start('cert.pem', 'other-key.pem'),
    /--tls-key: .*other-key\.pem does not belong to .*cert\.pem/,
  );
});
