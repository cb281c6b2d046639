import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { apiKey, type ParleyServer, type ServerOptions } from '../../src/server/server.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeConnections, offerWith } from '../support/fake-connections.ts';
import { type FakeEngines, fakeEngines } from '../support/fake-engines.ts';
import { type Answer, ask } from '../support/rest.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';

export const shop = 'sk-shop-0123456789';
export const bank = 'sk-bank-0123456789';
export const apiKeys = [apiKey('shop', shop, { project: 'shop' }), apiKey('bank', bank, { project: 'bank' })];

export interface CallsServer {
  server: ParleyServer;
  connections: FakeConnections;
  clock: FakeClock;
  engines: FakeEngines;
  log: KeptLog;
}

/** A server with two keys, whose WebRTC clients have no network. */
export async function callsServer(t: TestContext, options: ServerOptions = {}): Promise<CallsServer> {
  const connections = new FakeConnections();
  const clock = new FakeClock();
  const engines = fakeEngines();
  const log = new KeptLog();
  const config = { apiKeys, ...options.config };
  const parts = { engines: fakeEngineSet(engines), peerConnections: connections, clock, log };
  const server = await newServer(t, { ...parts, ...options, config });
  return { server, connections, clock, engines, log };
}

/** Sends an offer as `application/sdp`. */
export function offer(
  server: Pick<ParleyServer, 'url'>,
  {
    key = shop,
    path = '/v1/realtime/calls',
    sdp = offerWith(),
    headers = {},
  }: { key?: string; path?: string; sdp?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return ask(server, `POST ${path}`, { key, body: sdp, headers: { 'Content-Type': 'application/sdp', ...headers } });
}

/** Opens a call; returns its id. */
export async function openCall(...[server, options]: Parameters<typeof offer>): Promise<string> {
  return callIdIn(await offer(server, options));
}

export function callIdIn({ status, headers }: Answer): string {
  assert.equal(status, 201);
  const callId = /^\/v1\/realtime\/calls\/(rtc_[A-Za-z0-9]{21})$/.exec(headers.get('location') ?? '')?.[1];
  assert.ok(callId, 'the answer has a Location');
  return callId;
}

/** The URL of a sideband. */
export function sidebandUrl({ wsUrl }: Pick<ParleyServer, 'wsUrl'>, callId: string): string {
  return `${wsUrl}?call_id=${callId}`;
}

/** The list of sessions of a server without any. */
export const noCalls = { object: 'list', data: [], next: null };
