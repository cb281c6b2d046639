/** A case: everything that is sent on one connection, derived from a seed and a number. */

import type { WireDialect } from '../harness/official-events.ts';
import { costlyEvents, costlyRequest } from './costly.ts';
import { mutateJson, mutateText } from './mutate-event.ts';
import { brokenFraming, oddFraming } from './mutate-framing.ts';
import { type Profile, profiles } from './profiles.ts';
import { Random } from './random.ts';
import { bytesOf, credentials, mutateRequest, plainRequest, type RawRequest, upgradeRequest } from './requests.ts';
import { scenarioEvents } from './scenarios.ts';
import { officialClientEvent } from './values.ts';

export type Step =
  /** An event in a text frame. `type` is set if it is a valid event of the dialect. */
  | { kind: 'event'; text: string; type?: string; eventId?: string }
  /** Raw bytes, in base64. */
  | { kind: 'raw'; bytes: string; what: string; mayEnd: boolean };

/** How a client disconnects. */
export type Ending = 'close' | 'destroy' | 'half-close';

export interface SessionCase {
  kind: 'session';
  about: string;
  /** Small input that may be expensive. */
  costly: boolean;
  profile: Profile;
  dialect: WireDialect;
  transcription: boolean;
  /** The request has a client secret in place of the key. */
  secret: boolean;
  /** The upgrade request, in base64. */
  request: string;
  steps: Step[];
  ending: Ending;
}

export interface RequestCase {
  kind: 'request';
  about: string;
  profile: Profile;
  /** In base64. */
  request: string;
  /** Whether the request asks for an upgrade; it may be accepted. */
  upgrade: boolean;
  method: string;
  /** Small input that may be expensive; the request is valid and must be answered. */
  costly: boolean;
}

export type Case = SessionCase | RequestCase;

export function makeCase(seed: number, number: number): Case {
  const random = new Random(seed, number);
  const profile = random.weighted([
    [3, profiles[0]],
    [1, profiles[1]],
  ]);
  return random.weighted<() => Case>([
    [80, () => sessionCase(random, profile)],
    [8, () => upgradeCase(random, profile)],
    [12, () => requestCase(random, profile)],
    [5, () => costlyCase(random, profile)],
  ])();
}

function sessionCase(random: Random, profile: Profile): SessionCase {
  const dialect = random.pick(['ga', 'beta'] as const);
  const transcription = random.chance(0.12);
  const query = transcription ? '?intent=transcription' : '?model=gpt-realtime';
  return {
    kind: 'session',
    about: `${dialect} session`,
    costly: false,
    profile,
    dialect,
    transcription,
    secret: !transcription && random.chance(0.15),
    request: webSocketRequest(query, dialect),
    steps: stepsOf(random, dialect, transcription),
    ending: random.weighted([
      [6, 'close'],
      [3, 'destroy'],
      [1, 'half-close'],
    ]),
  };
}

function webSocketRequest(query: string, dialect: WireDialect): string {
  const headers = dialect === 'beta' ? ['OpenAI-Beta: realtime=v1'] : [];
  return bytesOf(upgradeRequest({ query, headers })).toString('base64');
}

function stepsOf(random: Random, dialect: WireDialect, transcription: boolean): Step[] {
  // Starting points at different depths: mostly valid, or mostly not.
  const mutations = random.pick([0.15, 0.4, 0.8]);
  const breaks = random.chance(0.15);
  const events = Array.from({ length: random.integer(3, 12) }, () =>
    random.chance(0.5) ? scenarioEvents(random, dialect) : [officialClientEvent(random, dialect)],
  ).flat();
  const first = transcription && random.chance(0.7) ? [transcriptionUpdate(dialect)] : [];
  const steps = [...first, ...events].map((event, index) => stepFor(random, event, index, mutations));
  if (breaks) {
    const { bytes, what } = brokenFraming(random, JSON.stringify(random.pick(events)));
    steps.splice(random.integer(0, steps.length), 0, raw(bytes, what, true));
  }
  return steps;
}

function transcriptionUpdate(dialect: WireDialect): object {
  return dialect === 'beta'
    ? { type: 'transcription_session.update', session: { input_audio_transcription: { model: 'whisper-1' } } }
    : {
        type: 'session.update',
        session: { type: 'transcription', audio: { input: { transcription: { model: 'whisper-1' } } } },
      };
}

function stepFor(random: Random, event: object, index: number, mutations: number): Step {
  const eventId = `fuzz_${index}`;
  const whole = { ...event, event_id: eventId };
  if (!random.chance(mutations)) {
    if (random.chance(0.05)) {
      const { bytes, what, mayEnd } = oddFraming(random, JSON.stringify(whole));
      return raw(bytes, what, mayEnd);
    }
    const type = 'type' in event && typeof event.type === 'string' ? event.type : '';
    return { kind: 'event', text: JSON.stringify(whole), type, eventId };
  }
  const text = random.weighted<() => string>([
    [7, () => JSON.stringify(mutateJson(random, random.chance(0.5) ? whole : event))],
    [2, () => mutateText(random, JSON.stringify(whole))],
    [1, () => mutateText(random, JSON.stringify(mutateJson(random, whole)))],
  ])();
  return { kind: 'event', text };
}

function raw(bytes: Buffer, what: string, mayEnd: boolean): Step {
  return { kind: 'raw', bytes: bytes.toString('base64'), what, mayEnd };
}

function upgradeCase(random: Random, profile: Profile): RequestCase {
  const request = upgradeRequest({
    query: random.pick([
      '?model=gpt-realtime',
      '?intent=transcription',
      '',
      '?model=',
      '?call_id=rtc_x',
      '?model=gpt-nope',
    ]),
    path: random.pick(['/v1/realtime', '/v1/realtime', '/openai/realtime', '/openai/v1/realtime']),
    headers: random.pick([
      [],
      ['OpenAI-Beta: realtime=v1'],
      ['Sec-WebSocket-Protocol: realtime'],
      ['OpenAI-Project: another'],
    ]),
    credential:
      random.weighted([
        [3, credentials[0]],
        [3, random.pick(credentials)],
      ]) ?? '',
  });
  return requestFrom(random, request, profile, true);
}

function costlyCase(random: Random, profile: Profile): Case {
  if (random.chance(0.5)) {
    const { about, request } = costlyRequest(random);
    const { method } = request;
    const bytes = bytesOf(request).toString('base64');
    return { kind: 'request', about, profile, request: bytes, upgrade: false, method, costly: true };
  }
  const dialect = random.pick(['ga', 'beta'] as const);
  const { about, events } = costlyEvents(random, dialect);
  return {
    ...sessionCase(random, profile),
    about,
    costly: true,
    dialect,
    transcription: false,
    secret: false,
    request: webSocketRequest('?model=gpt-realtime', dialect),
    steps: events.map((event) => ({ kind: 'event', text: JSON.stringify(event) })),
  };
}

function requestCase(random: Random, profile: Profile): RequestCase {
  return requestFrom(random, plainRequest(random), profile, false);
}

function requestFrom(random: Random, request: RawRequest, profile: Profile, upgrade: boolean): RequestCase {
  const bytes = random.chance(0.3) ? bytesOf(request) : mutateRequest(random, request);
  const { method, target } = request;
  const about = `${method} ${target.split('?')[0]}`;
  return { kind: 'request', about, profile, request: bytes.toString('base64'), upgrade, method, costly: false };
}
