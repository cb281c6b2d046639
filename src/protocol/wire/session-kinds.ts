import type { ClientEvent } from './client-events.ts';
import type {
  RealtimeConfig,
  SessionConfig,
  SessionType,
  TranscriptionConfig,
  TurnDetection,
} from './session-config.ts';
import { shownTool } from './tools.ts';

/**
 * The differences between session types. A further type is a member of `SessionConfig` and of
 * `sessionUpdateSchema`, and one entry of `sessionKinds`.
 */
export interface SessionKind<Config extends SessionConfig = SessionConfig> {
  readonly type: Config['type'];
  /** Whether a client names a model when it connects. */
  readonly namesModel: boolean;
  /** Whether the session responds to turns. */
  readonly answers: boolean;
  /** Whether clients receive transcripts even if `audio.input.transcription` is null. */
  readonly transcribes: boolean;
  /** Client events that are refused. */
  readonly refused: ReadonlySet<ClientEvent['type']>;
  /** GA paths of the fields that an update replaces whole. `temperature` exists in the beta dialect only. */
  readonly fields: readonly string[];
  /** The configuration as clients see it. A session keeps the full one, whatever its type. */
  view(config: RealtimeConfig): Config;
}

const inputFields = [
  'include',
  'audio.input.format',
  'audio.input.transcription',
  'audio.input.noise_reduction',
  'audio.input.turn_detection',
];

export const sessionKinds: {
  readonly [Type in SessionType]: SessionKind<Extract<SessionConfig, { type: Type }>>;
} = {
  realtime: {
    type: 'realtime',
    namesModel: true,
    answers: true,
    transcribes: false,
    refused: new Set(),
    fields: [
      'output_modalities',
      'instructions',
      'tools',
      'tool_choice',
      'parallel_tool_calls',
      'max_output_tokens',
      'temperature',
      'reasoning',
      'tracing',
      'truncation',
      'prompt',
      ...inputFields,
      'audio.output.format',
      'audio.output.voice',
      'audio.output.speed',
    ],
    view: (config) => ({ ...config, tools: config.tools.map(shownTool) }),
  },
  transcription: {
    type: 'transcription',
    namesModel: false,
    answers: false,
    transcribes: true,
    refused: new Set(['response.create']),
    fields: inputFields,
    view({ id, expires_at, include, audio }) {
      const { turn_detection, ...input } = audio.input;
      return {
        type: 'transcription',
        object: 'realtime.transcription_session',
        id,
        expires_at,
        include,
        audio: { input: { ...input, turn_detection: turn_detection && withoutAnswering(turn_detection) } },
      };
    },
  },
};

function withoutAnswering(detection: TurnDetection): TranscriptionConfig['audio']['input']['turn_detection'] {
  const { create_response: _answers, interrupt_response: _interrupts, ...rest } = detection;
  if (rest.type === 'semantic_vad') return rest;
  const { idle_timeout_ms: _prompts, ...alone } = rest;
  return alone;
}
