/**
 * The official Node SDK's REST helpers, unmodified: the secrets that they create match the SDK's types and open its
 * sockets, in both dialects.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { connect, setDefaultCACertificates } from 'node:tls';
import OpenAI from 'openai';
import { OpenAIRealtimeWS as BetaRealtimeWS } from 'openai/beta/realtime/ws';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import type { RealtimeServerEvent as BetaServerEvent } from 'openai/resources/beta/realtime/realtime';
import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import { declarationFile } from '../../dev/harness/official-declarations.ts';
import { exceptionsOf } from '../../dev/harness/official-exceptions.ts';
import { problemsOf } from '../../dev/harness/official-schema.ts';
import { apiKey, type ParleyServer, startServer } from '../../src/server/server.ts';
import { fakeEngineSet, silentLog } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { during, SdkCaller, timeout } from './sdk-caller.ts';

const key = 'sk-backend-0123456789';
const resources = new URL('../../node_modules/openai/resources/', import.meta.url);

let server: ParleyServer;

before(async () => {
  const config = { port: 0, tls: 'self-signed' as const, apiKeys: [apiKey('backend', key)] };
  server = await startServer({ engines: fakeEngineSet(), config, log: silentLog });
  // The environment of a machine that trusts the certificate; the SDK's own fetch and sockets are used.
  setDefaultCACertificates([await fetchCertificate(server.port)]);
});
after(() => server.close());

function clientWith(apiKey: string): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${server.url}/v1` });
}

const backend = () => clientWith(key);

/** Differences between a response and the SDK's type; `path` is its name in the exceptions. */
function differences(file: string, type: string, { minted, path }: { minted: object; path: string }): string[] {
  const declared = declarationFile(new URL(file, resources)).type(type);
  const exceptions = exceptionsOf(file.startsWith('beta/') ? 'beta' : 'ga');
  return problemsOf(declared, minted, exceptions, path).map(
    ({ path, expected, got }) => `${path}: ${expected}, ${got}`,
  );
}

test('clientSecrets.create, and a GA socket with its secret', { timeout }, async () => {
  verifies('rest.client_secrets.create', 'R1.25');
  const minted = await backend().realtime.clientSecrets.create({
    expires_after: { anchor: 'created_at', seconds: 600 },
    session: { type: 'realtime', model: 'gpt-realtime', instructions: 'You are a friendly assistant.' },
  });
  const file = 'realtime/client-secrets.d.ts';
  assert.deepEqual(differences(file, 'ClientSecretCreateResponse', { minted, path: '' }), []);

  const rt = new OpenAIRealtimeWS({ model: 'gpt-realtime' }, clientWith(minted.value));
  const caller = new SdkCaller<RealtimeServerEvent, OpenAIRealtimeWS>(rt, 'ga');
  await during(caller, async () => {
    const { session } = await caller.next('session.created');
    assert.ok(session.type === 'realtime');
    assert.equal(session.instructions, 'You are a friendly assistant.');
    rt.send({ type: 'response.create' });
    assert.equal((await caller.next('response.done')).response.status, 'completed');
  });
});

test('clientSecrets.create for a transcription session', { timeout }, async () => {
  verifies('rest.client_secrets.create', 'R1.22');
  const minted = await backend().realtime.clientSecrets.create({
    session: { type: 'transcription', audio: { input: { transcription: { model: 'whisper-1', language: 'en' } } } },
  });
  const file = 'realtime/client-secrets.d.ts';
  assert.deepEqual(differences(file, 'ClientSecretCreateResponse', { minted, path: '' }), []);
  const rt = new OpenAIRealtimeWS({ model: 'gpt-realtime' }, clientWith(minted.value));
  const caller = new SdkCaller<RealtimeServerEvent, OpenAIRealtimeWS>(rt, 'ga');
  await during(caller, async () => {
    const { session } = await caller.next('session.created');
    assert.ok(session.type === 'transcription');
    const transcription = { model: 'whisper-1', language: 'en', prompt: null };
    assert.deepEqual(session.audio?.input?.transcription, transcription);
  });
});

test('beta sessions.create, and a beta socket with its secret', { timeout }, async () => {
  verifies('rest.sessions.create', 'R1.23');
  const minted = await backend().beta.realtime.sessions.create({
    model: 'gpt-4o-realtime-preview',
    modalities: ['text', 'audio'],
    instructions: 'You are a friendly assistant.',
    voice: 'verse',
    input_audio_format: 'g711_ulaw',
    temperature: 0.7,
    max_response_output_tokens: 200,
    turn_detection: { type: 'server_vad', threshold: 0.4 },
  });
  const file = 'beta/realtime/sessions.d.ts';
  const { client_secret, ...session } = minted;
  // The SDK declares fewer fields of turn detection in the response than in the session.
  assert.deepEqual(differences(file, 'Session', { minted: session, path: 'session' }), []);
  const alone = { minted: { client_secret }, path: 'session' };
  assert.deepEqual(differences(file, 'SessionCreateResponse', alone), []);
  assert.deepEqual([minted.voice, minted.input_audio_format, minted.temperature], ['verse', 'g711_ulaw', 0.7]);

  const client = clientWith(minted.client_secret.value);
  const rt = new BetaRealtimeWS({ model: 'gpt-4o-realtime-preview' }, client);
  const caller = new SdkCaller<BetaServerEvent, BetaRealtimeWS>(rt, 'beta');
  await during(caller, async () => {
    const { session } = await caller.next('session.created');
    const { voice, temperature, max_response_output_tokens, turn_detection } = session;
    assert.deepEqual([voice, temperature, max_response_output_tokens], ['verse', 0.7, 200]);
    assert.equal(turn_detection?.threshold, 0.4);
    rt.send({ type: 'response.create' });
    assert.equal((await caller.next('response.done')).response.status, 'completed');
  });
});

test('beta transcriptionSessions.create, and a beta socket with its secret', { timeout }, async () => {
  verifies('rest.transcription_sessions.create', 'R1.23');
  const minted = await backend().beta.realtime.transcriptionSessions.create({
    input_audio_format: 'pcm16',
    input_audio_transcription: { model: 'gpt-4o-transcribe', language: 'en', prompt: '' },
    input_audio_noise_reduction: { type: 'near_field' },
  });
  const file = 'beta/realtime/transcription-sessions.d.ts';
  assert.deepEqual(differences(file, 'TranscriptionSession', { minted, path: 'session' }), []);

  const rt = new BetaRealtimeWS({ model: 'gpt-4o-realtime-preview' }, clientWith(minted.client_secret.value));
  const first = new Promise<string>((resolve) => rt.socket.once('message', (data) => resolve(data.toString())));
  const { type, session } = JSON.parse(await first);
  rt.close();
  assert.equal(type, 'transcription_session.created');
  assert.equal(session.input_audio_transcription.model, 'gpt-4o-transcribe');
});

test('a refusal is an error of the SDK with our message', { timeout }, async () => {
  verifies('R1.25');
  await assert.rejects(backend().beta.realtime.sessions.create({ temperature: 2 }), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.deepEqual([error.code, error.param], ['decimal_above_max_value', 'temperature']);
    return true;
  });
  await assert.rejects(clientWith('sk-wrong-0123456789').realtime.clientSecrets.create({}), OpenAI.AuthenticationError);
});

async function fetchCertificate(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const pem = socket.getPeerX509Certificate()?.toString() ?? '';
  socket.destroy();
  return pem;
}
