/**
 * Exceptions from the types of the official Node SDK: the rule about null (docs/protocol.md), and one row per place
 * where the hosted service itself differs.
 */

import { declarationFile, type Type, typeFrom } from './official-declarations.ts';
import type { Exceptions, JsonObject } from './official-schema.ts';

export type WireDialect = 'ga' | 'beta';

interface Row {
  dialects: readonly WireDialect[];
  /** The path of the property, with `[]` for any index. */
  path: string;
  /** The type of the property; if absent, the property may be absent. */
  type?: string;
  source: string;
}

const both: readonly WireDialect[] = ['ga', 'beta'];
const gaRecording = 'recorded session.created of the hosted service';
const betaExample = 'example of the beta session.created in the official document';
const transcriptionExample = 'example of transcription_session.updated in the official document';

const rows: readonly Row[] = [
  {
    dialects: both,
    path: 'session.object',
    type: "'realtime.session' | 'realtime.transcription_session'",
    source: gaRecording,
  },
  ...['item.phase', 'response.output[].phase'].map((path) => ({
    dialects: ['ga'] as const,
    path,
    type: "'commentary' | 'final_answer'",
    source: 'recorded items of gpt-realtime-2.1',
  })),
  {
    dialects: ['ga'],
    path: 'response.usage.output_token_details.reasoning_tokens',
    type: 'number',
    source: 'recorded response.done of gpt-realtime-2.1, where it is above 0',
  },
  { dialects: ['ga'], path: 'session.id', type: 'string', source: gaRecording },
  { dialects: both, path: 'session.expires_at', type: 'number', source: gaRecording },
  {
    dialects: ['beta'],
    path: 'session.model',
    type: 'string',
    source: `${betaExample}: a model that the SDK's list lacks; the list is of 2025, and a server names its own models`,
  },
  {
    dialects: ['beta'],
    path: 'session.input_audio_transcription.model',
    type: 'string',
    source:
      'as session.model: the SDK has a list in a transcription session and any string elsewhere; a server names its own models',
  },
  { dialects: ['beta'], path: 'session.prompt', type: 'null', source: betaExample },
  { dialects: ['beta'], path: 'session.include', type: 'Array<string> | null', source: betaExample },
  { dialects: ['beta'], path: 'session.turn_detection.idle_timeout_ms', type: 'number | null', source: betaExample },
  {
    dialects: ['beta'],
    path: 'session.tool_choice',
    type: "string | { type: 'function'; name: string }",
    source: 'the document’s words on the beta tool_choice: "auto, none, required, or specify a function"',
  },
  {
    dialects: ['beta'],
    path: 'session.turn_detection.eagerness',
    type: "'low' | 'medium' | 'high' | 'auto'",
    source: 'TranscriptionSessionUpdate takes semantic_vad with it; the type of the answer knows server_vad only',
  },
  { dialects: ['beta'], path: 'session.id', type: 'string', source: transcriptionExample },
  {
    dialects: ['beta'],
    path: 'session.input_audio_noise_reduction',
    type: "{ type?: 'near_field' | 'far_field' } | null",
    source: transcriptionExample,
  },
  {
    dialects: ['beta'],
    path: 'session.client_secret',
    source: `${transcriptionExample}: the key belongs to the answer over REST; a socket has had its own`,
  },
  {
    dialects: ['beta'],
    path: 'response.usage.input_token_details.cached_tokens_details',
    type: '{ text_tokens?: number; audio_tokens?: number }',
    source: 'recorded beta response.done of the hosted service',
  },
];

/** Beta events that the SDK's beta union lacks; each has the shape of another beta or GA event. */
export const otherBetaEvents: readonly { type: string; like: [WireDialect, string]; source: string }[] = [
  {
    type: 'conversation.item.input_audio_transcription.segment',
    like: ['ga', 'conversation.item.input_audio_transcription.segment'],
    source: 'RealtimeBetaServerEventConversationItemInputAudioTranscriptionSegment of the official document',
  },
  ...['_arguments.delta', '_arguments.done', '.in_progress', '.completed', '.failed'].map((suffix) => ({
    type: `response.mcp_call${suffix}`,
    like: ['ga', `response.mcp_call${suffix}`] as [WireDialect, string],
    source: 'RealtimeBetaServerEventResponseMCPCall… of the official document',
  })),
  ...['in_progress', 'completed', 'failed'].map((suffix) => ({
    type: `mcp_list_tools.${suffix}`,
    like: ['ga', `mcp_list_tools.${suffix}`] as [WireDialect, string],
    source: 'RealtimeBetaServerEventMCPListTools… of the official document',
  })),
  {
    type: 'transcription_session.created',
    like: ['beta', 'transcription_session.updated'],
    source: 'RealtimeBetaServerEventTranscriptionSessionCreated of the official document',
  },
];

const resources = new URL('../../node_modules/openai/resources/', import.meta.url);
/** A beta item, or one that only the GA types have: the official document has `RealtimeConversationItem` in both. */
function betaItem(): Type {
  const members = [
    declarationFile(new URL('beta/realtime/realtime.d.ts', resources)).type('ConversationItem'),
    ...['RealtimeMcpToolCall', 'RealtimeMcpListTools', 'RealtimeMcpApprovalRequest', 'RealtimeMcpApprovalResponse'].map(
      (name) => declarationFile(new URL('realtime/realtime.d.ts', resources)).type(name),
    ),
  ];
  return { kind: 'union', members };
}

/**
 * Null may replace an optional property in `session`, `response`, `input_audio.transcript` and `mcp_call.output`, and
 * nowhere else.
 */
function nullByRule(path: string, container: JsonObject): boolean {
  const [root = ''] = path.split('.', 1);
  if (root === 'session' || root === 'response') return true;
  if (path.endsWith('.output') && container.type === 'mcp_call') return true;
  return path.endsWith('.transcript') && container.type === 'input_audio';
}

/** The paths of all rows of a dialect, with `[]` for any index. */
export function exceptionPaths(dialect: WireDialect): string[] {
  return rows.filter(({ dialects }) => dialects.includes(dialect)).map(({ path }) => path);
}

export function exceptionsOf(dialect: WireDialect): Exceptions {
  const types = new Map<string, Type>();
  const absent = new Set<string>();
  for (const { dialects, path, type } of rows) {
    if (!dialects.includes(dialect)) continue;
    if (type === undefined) absent.add(path);
    else types.set(path, typeFrom(type));
  }
  if (dialect === 'beta') {
    types.set('item', betaItem());
    types.set('response.output', { kind: 'array', element: betaItem() });
  }
  const anyIndex = (path: string) => (path.includes('[') ? path.replaceAll(/\[\d+\]/g, '[]') : path);
  return {
    nullAt: nullByRule,
    typeAt: (path) => types.get(anyIndex(path)),
    absentAt: (path) => absent.has(anyIndex(path)),
  };
}
