/** The server's certificate: from files, or self-signed at the start. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type Config, ConfigError } from '../config/config.ts';
import { messageOf } from '../core/errors.ts';

export interface Certificate {
  /** The certificate chain, as PEM. */
  readonly cert: string;
  /** The private key, as PEM. */
  readonly key: string;
  /** SHA-256 of the certificate, `AB:CD:…`, as browsers display it. */
  readonly fingerprint: string;
}

const dayMs = 24 * 60 * 60 * 1000;
/** Apple's systems refuse server certificates with a longer validity. */
const selfSignedDays = 397;

/**
 * The configured certificate; undefined for plain HTTP.
 * @throws {ConfigError} when a file cannot be read or parsed
 */
export async function loadCertificate(
  config: Pick<Config, 'tls' | 'tlsCert' | 'tlsKey' | 'host'>,
  now: Date,
): Promise<Certificate | undefined> {
  if (config.tls === 'self-signed') return selfSigned(config.host, now);
  if (config.tlsCert === undefined || config.tlsKey === undefined) return undefined;
  const cert = readPem('--tls-cert', config.tlsCert);
  const key = readPem('--tls-key', config.tlsKey);
  const fingerprint = checkedPair(cert, key, { tlsCert: config.tlsCert, tlsKey: config.tlsKey });
  return { cert, key, fingerprint };
}

/** Kept in memory only, so that no private key is left on disk. */
async function selfSigned(host: string, now: Date): Promise<Certificate> {
  const names = new Set(['localhost', '127.0.0.1', '::1', host]);
  // Few servers need it, and it takes 100 ms to load.
  const { generate } = await import('selfsigned');
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'Parley' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    // Tolerates a client clock that is slightly behind.
    notBeforeDate: new Date(now.getTime() - dayMs),
    notAfterDate: new Date(now.getTime() + (selfSignedDays - 1) * dayMs),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [...names].map((name) => (isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name })),
      },
    ],
  });
  return { cert, key, fingerprint: new X509Certificate(cert).fingerprint256 };
}

function readPem(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError([`${flag}: ${path} cannot be read: ${messageOf(error)}`]);
  }
}

/** Returns the certificate's fingerprint after checking both files. */
function checkedPair(cert: string, key: string, paths: { tlsCert: string; tlsKey: string }): string {
  const { tlsCert, tlsKey } = paths;
  const certificate = parseOrExplain(
    () => new X509Certificate(cert),
    `--tls-cert: ${tlsCert} is not a certificate in PEM form.`,
  );
  const privateKey = parseOrExplain(
    () => createPrivateKey(key),
    `--tls-key: ${tlsKey} is not a private key in PEM form.`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigError([`--tls-key: ${tlsKey} does not belong to the certificate in ${tlsCert}.`]);
  }
  return certificate.fingerprint256;
}

function parseOrExplain<T>(parse: () => T, problem: string): T {
  try {
    return parse();
  } catch {
    throw new ConfigError([problem]);
  }
}
