import type { Context } from 'hono';
import { z } from 'zod';
import { accessErrors } from '../protocol/errors/access-errors.ts';
import { strictCheck } from '../protocol/parse/schema-check.ts';
import type { RegisteredSession, SessionRegistry } from '../transport/session-registry.ts';
import type { ApiEnv } from './authentication.ts';
import { HttpRefusal } from './refusal.ts';
import type { SessionViews } from './session-views.ts';

type Handler = (context: Context<ApiEnv>) => Response;

/** Close code of sessions that were ended over the API: a normal closure. */
const endedByApi = { code: 1000, reason: 'session ended by the API' };

const check = strictCheck('ga');

export interface SessionRoutesOptions {
  sessions: SessionRegistry;
  /** Most sessions in one response. */
  mostRows: number;
  views: SessionViews;
}

/** The open sessions: a project sees its own, operators see all. Other projects' sessions are answered as unknown. */
export function sessionRoutes({ sessions, mostRows, views }: SessionRoutesOptions): {
  list: Handler;
  retrieve: Handler;
  /** For operators only. */
  view: Handler;
  end: Handler;
} {
  const pageRequest = z.object({
    limit: z.int().min(1).max(mostRows).default(mostRows),
    after: z.int().min(0).default(0),
  });
  const found = (context: Context<ApiEnv>): RegisteredSession => {
    const id = context.req.param('id') ?? '';
    const live = sessions.find(id, context.get('caller'));
    if (live === undefined) throw new HttpRefusal(404, accessErrors.unknownSession(id));
    return live;
  };
  return {
    list(context) {
      const { limit, after } = context.req.query();
      const given = { ...(limit && { limit: Number(limit) }), ...(after && { after: Number(after) }) };
      const page = check(pageRequest, given);
      const { rows, next } = sessions.page(context.get('caller'), { after: page.after, most: page.limit });
      return context.json({ object: 'list', data: rows.map(describeSession), next: next ?? null });
    },
    retrieve: (context) => context.json(describeSession(found(context))),
    view(context) {
      const live = found(context);
      const { incoming: request, outgoing: response } = context.env;
      const viewer = context.get('caller').owner;
      const stream = views.open({ live, row: describeSession(live), viewer, request, response });
      // nginx would collect events before it forwards them.
      const headers = { 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' };
      return context.body(stream, 200, { 'Content-Type': 'text/event-stream', ...headers });
    },
    end(context) {
      const { session } = found(context);
      session.close(endedByApi);
      return context.json({ id: session.id, object: 'parley.session.deleted', deleted: true });
    },
  };
}

/** A row of the list. */
function describeSession(live: RegisteredSession): object {
  const { id, type, model, expiresAt, peers } = live.session.describe();
  const { responses, transcriptions, used, cost, currency } = live.totals();
  const { turns, latency } = live.activity();
  return {
    id,
    object: 'parley.session',
    type,
    model,
    engines: live.engines,
    transport: live.callId === undefined ? 'websocket' : 'webrtc',
    call_id: live.callId ?? null,
    dialects: [...live.dialects],
    key: live.owner.keyName ?? null,
    project: live.owner.project,
    opened_at: Math.floor(live.openedAtMs / 1000),
    expires_at: expiresAt,
    age_seconds: Math.floor(live.ageMs / 1000),
    connections: peers,
    turns,
    latency: latency ? { responses: latency.responses, median_ms: Math.round(latency.medianMs * 10) / 10 } : null,
    usage: { responses, transcriptions, used, ...(cost !== undefined && { cost, currency }) },
  };
}
