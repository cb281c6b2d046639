/** The Realtime endpoints that sessions can be relayed to, and the choice among them. */

import type { SessionType } from '../../protocol/wire/session-config.ts';
import { sessionKinds } from '../../protocol/wire/session-kinds.ts';

export interface UpstreamTarget {
  /** The name in errors and the log. */
  readonly name: string;
  /** The WebSocket URL without the model: `wss://api.openai.com/v1/realtime`. */
  readonly url: string;
  readonly key?: string;
  /** The header for the key; Azure's endpoints use `api-key`. */
  readonly keyHeader: 'authorization' | 'api-key';
  /** The upstream's model names by the clients' names; absent if it serves every model under its own name. */
  readonly models?: ReadonlyMap<string, string>;
  /** Whether it serves transcription sessions, which name no model. */
  readonly transcription: boolean;
}

/** The request of a client. The model is empty for a transcription session. */
export interface RequestedSession {
  type: SessionType;
  model: string;
}

/** The configured upstreams; `key` belongs to the one without a key. */
export function withKey(targets: readonly UpstreamTarget[], key: string | undefined): UpstreamTarget[] {
  return targets.map((target) => ({ ...target, key: target.key ?? key }));
}

/** The first upstream that serves such a session; undefined means this server's engines. */
export function upstreamFor(targets: readonly UpstreamTarget[], kind: RequestedSession): UpstreamTarget | undefined {
  return targets.find(({ models, transcription }) =>
    sessionKinds[kind.type].namesModel ? models === undefined || models.has(kind.model) : transcription,
  );
}

/** Whether upstreams serve every possible session. `models`: the names that clients may use; absent means any. */
export function relaysAll(targets: readonly UpstreamTarget[], models: readonly string[]): boolean {
  const serves = (kind: RequestedSession) => upstreamFor(targets, kind) !== undefined;
  const realtime = targets.some((target) => target.models === undefined);
  const named = models.length > 0 && models.every((model) => serves({ type: 'realtime', model }));
  return (realtime || named) && serves({ type: 'transcription', model: '' });
}

/** Requests that test an upstream: one per model name of the upstream, or the `usual` one if it serves all. */
export function probeKinds({ models, transcription }: UpstreamTarget, usual: string): RequestedSession[] {
  if (models === undefined) return [{ type: 'realtime', model: usual }];
  const byOwnName = new Map([...models].map(([model, own]) => [own, model]));
  const realtime = [...byOwnName.values()].map((model) => ({ type: 'realtime' as const, model }));
  return transcription ? [...realtime, { type: 'transcription', model: '' }] : realtime;
}

/** The HTTP request that opens a session. */
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

/** Warnings about the configured upstreams, as sentences for the log. */
export function upstreamWarnings(targets: readonly UpstreamTarget[]): string[] {
  return targets
    .filter(({ key, url }) => key && url.startsWith('ws:') && !isLoopback(new URL(url).hostname))
    .map(({ name }) => `The key of the upstream '${name}' travels in the clear: give it a wss: address.`);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
