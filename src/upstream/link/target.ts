/** The Realtime endpoints that sessions can be relayed to, and which of them a new session goes to. */

import type { SessionType } from '../../protocol/wire/session-config.ts';
import { sessionKinds } from '../../protocol/wire/session-kinds.ts';

export interface UpstreamTarget {
  /** How errors and the log call it. */
  readonly name: string;
  /** Where its WebSockets are, without the model: `wss://api.openai.com/v1/realtime`. */
  readonly url: string;
  readonly key?: string;
  /** The header that the key goes in; Azure's endpoints take `api-key`. */
  readonly keyHeader: 'authorization' | 'api-key';
  /** The upstream's name of a model by the clients'; absent where it serves every model under its own name. */
  readonly models?: ReadonlyMap<string, string>;
  /** Whether transcription sessions, which name no model, go there. */
  readonly transcription: boolean;
}

/** What a client asked for. The model is empty for a transcription session. */
export interface RequestedSession {
  type: SessionType;
  model: string;
}

/** The configured upstreams, `key` being that of the one which has none of its own. */
export function withKey(targets: readonly UpstreamTarget[], key: string | undefined): UpstreamTarget[] {
  return targets.map((target) => ({ ...(key !== undefined && { key }), ...target }));
}

/** The first upstream that serves such a session; undefined leaves it to this server's own engines. */
export function upstreamFor(targets: readonly UpstreamTarget[], kind: RequestedSession): UpstreamTarget | undefined {
  return targets.find(({ models, transcription }) =>
    sessionKinds[kind.type].namesModel ? models === undefined || models.has(kind.model) : transcription,
  );
}

/** Whether no session is left to this server's own engines. `models`: the names that clients may ask for; none means any. */
export function relaysAll(targets: readonly UpstreamTarget[], models: readonly string[]): boolean {
  const serves = (kind: RequestedSession) => upstreamFor(targets, kind) !== undefined;
  const realtime = targets.some((target) => target.models === undefined);
  const named = models.length > 0 && models.every((model) => serves({ type: 'realtime', model }));
  return (realtime || named) && serves({ type: 'transcription', model: '' });
}

/** Sessions that try what an upstream is there for: one for each of its own names of models, the `usual` one where it takes all. */
export function probeKinds({ models, transcription }: UpstreamTarget, usual: string): RequestedSession[] {
  if (models === undefined) return [{ type: 'realtime', model: usual }];
  const byOwnName = new Map([...models].map(([model, own]) => [own, model]));
  const realtime = [...byOwnName.values()].map((model) => ({ type: 'realtime' as const, model }));
  return transcription ? [...realtime, { type: 'transcription', model: '' }] : realtime;
}

/** The request that opens a session there. */
export function connectionRequest(
  { url, key, keyHeader, models }: UpstreamTarget,
  { type, model }: RequestedSession,
): { url: string; headers: Record<string, string> } {
  const address = new URL(url);
  if (sessionKinds[type].namesModel) address.searchParams.set('model', models?.get(model) ?? model);
  else address.searchParams.set('intent', type);
  const headers: Record<string, string> = {};
  if (key) headers[keyHeader] = keyHeader === 'api-key' ? key : `Bearer ${key}`;
  return { url: address.href, headers };
}

/** What is odd about the configured upstreams, in sentences for the log. */
export function upstreamWarnings(targets: readonly UpstreamTarget[]): string[] {
  return targets
    .filter(({ key, url }) => key && url.startsWith('ws:') && !isLoopback(new URL(url).hostname))
    .map(({ name }) => `The key of the upstream '${name}' travels in the clear: give it a wss: address.`);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
