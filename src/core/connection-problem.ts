const untrusted = 'has a certificate that is not trusted';
/** By error codes of the system and of OpenSSL. */
const problems: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ECONNRESET: 'broke off the connection',
  ENOTFOUND: 'has a host name that is not known',
  EAI_AGAIN: 'has a host name that cannot be looked up now',
  ETIMEDOUT: 'does not answer',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  DEPTH_ZERO_SELF_SIGNED_CERT: `${untrusted} (self-signed)`,
  SELF_SIGNED_CERT_IN_CHAIN: `${untrusted} (self-signed)`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_HAS_EXPIRED: 'has a certificate that has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'has a certificate for another host',
  EPROTO: 'cannot agree on TLS',
};

/** The code of a failed connection, and the reason, if known, as a phrase that follows the name of the server. */
export function connectionProblem(error: Error): { code: string; problem: string | undefined } {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { code, problem: Object.hasOwn(problems, code) ? problems[code] : undefined };
}
