/** The log entries of a session's life, however its first client is connected. */

import type { IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { requestedExtensions } from '../protocol/extensions.ts';
import type { Granted } from './session-authorizer.ts';
import type { OpenRequest, RegisteredSession } from './session-registry.ts';

/** Where a request came from. */
export interface Sender {
  address: string | undefined;
  userAgent: string | undefined;
}

export function sender({ socket, headers }: IncomingMessage): Sender {
  return { address: socket.remoteAddress, userAgent: headers['user-agent']?.slice(0, 128) };
}

/** The extensions that a client requests and this server has; logs the others. */
export function acceptedExtensions(query: URLSearchParams, client: Sender, log: Log): ReadonlySet<string> {
  const { known, unknown: names } = requestedExtensions(query);
  if (names.length > 0) log.warn('extensions_unknown', { names, ...client });
  return known;
}

/** Logs that a session was opened, and its end once it is over. */
export function logSession(
  { owner, callId: call, over }: Pick<RegisteredSession, 'owner' | 'callId' | 'over'>,
  opened: Pick<OpenRequest, 'type' | 'model'> & Pick<Granted, 'dialect' | 'secretId'> & Sender,
  { log, clock }: { log: Log; clock: Clock },
): void {
  const { type, model, dialect, secretId: secret, address, userAgent } = opened;
  const openedAtMs = clock.now();
  const about = { key: owner.keyName, project: owner.project, ...(call !== undefined && { call }) };
  log.info('session_opened', { ...about, type, model: model.slice(0, 128), dialect, secret, address, userAgent });
  void over.then(({ totals, close }) => {
    const seconds = Math.round((clock.now() - openedAtMs) / 100) / 10;
    log.info('session_closed', { ...about, ...close, seconds, ...totals });
  });
}
