import type { Context } from 'hono';
import { accessErrors } from '../protocol/errors/access-errors.ts';
import type { RegisteredSession, SessionRegistry } from '../transport/session-registry.ts';
import type { ApiEnv } from './authentication.ts';
import { HttpRefusal } from './refusal.ts';

type Handler = (context: Context<ApiEnv>) => Response;

/** Close code of sessions that were ended over the API: a normal closure. */
const endedByApi = { code: 1000, reason: 'session ended by the API' };

/** The open sessions: a project sees its own, operators see all. Other projects' sessions are answered as unknown. */
export function sessionRoutes(sessions: SessionRegistry): { list: Handler; retrieve: Handler; end: Handler } {
  const found = (context: Context<ApiEnv>): RegisteredSession => {
    const id = context.req.param('id') ?? '';
    const live = sessions.find(id, context.get('caller'));
    if (live === undefined) throw new HttpRefusal(404, accessErrors.unknownSession(id));
    return live;
  };
  return {
    list: (context) =>
      context.json({ object: 'list', data: sessions.list(context.get('caller')).map(describeSession) }),
    retrieve: (context) => context.json(describeSession(found(context))),
    end(context) {
      const { session } = found(context);
      session.close(endedByApi);
      return context.json({ id: session.id, object: 'parley.session.deleted', deleted: true });
    },
  };
}

function describeSession(live: RegisteredSession): object {
  const { id, type, model, expiresAt, peers } = live.session.describe();
  const { responses, transcriptions, used, cost, currency } = live.totals();
  return {
    id,
    object: 'parley.session',
    type,
    model,
    dialects: [...live.dialects],
    key: live.owner.keyName ?? null,
    project: live.owner.project,
    opened_at: Math.floor(live.openedAtMs / 1000),
    expires_at: expiresAt,
    connections: peers,
    usage: { responses, transcriptions, used, ...(cost !== undefined && { cost, currency }) },
  };
}
