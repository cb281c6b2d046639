/**
 * The log: structured, on standard error, with one catalogue of event names. Audio, transcripts and keys are not logged
 * at any level.
 */

import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { escapeControls, showControls } from './control-characters.ts';
import type { DigestRule } from './log-digest.ts';
import { LogOutput } from './log-output.ts';

/** Every event and its message. */
export const logEvents = {
  config_warning: 'Suspicious configuration',
  server_listening: 'Listening',
  server_ready: 'Ready: all engines are loaded',
  server_stand_in_model:
    "The language model is a stand-in that follows a few rules. To use a real one, see 'Your own engines' in the README",
  server_script: 'Answers come from a script or a cassette',
  server_cassette: "Each session is recorded to a cassette, including its users' audio and words",
  cassette_cut: 'The cassette of a session ends early; the session continues',
  server_local_model: 'A language model server runs on this machine and can replace the stand-in',
  engine_notice: 'Notice from an engine',
  engine_unreachable: 'The server of an engine is unreachable or refuses requests; they fail until it responds',
  engine_loading: 'The server of an engine is loading its model; requests to it wait',
  engine_loaded: 'The model that requests waited for has answered, or the wait was abandoned',
  engine_load_failed: 'The model that requests waited for has not been loaded; the next request tries again',
  engine_fallback: 'An engine failed to answer; a fallback is used',
  engine_recovered: 'An engine responds again',
  server_engines_failed: 'An engine could not be loaded; sessions cannot take turns',
  tokenizer_failed: 'The tokenizer could not be loaded; token counts are estimated from text length',
  server_parent_ended: 'The npm process that started this server has exited; stopping as on SIGTERM',
  server_stopping: 'Stopping: turns, responses and requests in progress may finish; new sessions are refused',
  server_drain_deadline: 'The drain deadline passed; unfinished turns, responses and requests are aborted',
  server_stopped: 'Stopped',
  server_connections_full: 'Too many connections without a session; new connections are dropped',
  slow_reader_closed: 'HTTP connection closed: the client does not read the response',
  tls_failed: 'TLS handshake failed',
  http_failed: 'Request failed',
  audio_request_failed: 'A request to /v1/audio failed in its engine; a response already started is cut off',
  audio_request_done: 'Request to /v1/audio completed',
  upgrade_refused: 'WebSocket upgrade refused',
  connection_refused: 'Connection refused with an error event and closed',
  access_check_failed: 'Authorization failed: the store returned an error',
  client_secret_minted: 'Client secret minted',
  session_opened: 'Session opened',
  session_closed: 'Session closed',
  peer_attached: 'Client attached to an open session',
  view_opened: 'A read-only view of a session was opened',
  view_closed: 'A read-only view of a session was closed',
  view_failed: 'A read-only view of a session failed and was closed; the session continues',
  session_not_opened: 'A session could not be opened; its client is closed with code 1011',
  session_failed: 'A session failed to handle a message or an upgrade request',
  observer_failed: 'An observer of a session threw an error; the session and its other observers continue',
  session_fault: 'Internal error in a session; the session continues',
  noise_reduction_unavailable:
    'A client requested noise reduction, which the voice activity detector does not support; its audio is not filtered',
  transcription_settings_ignored:
    'A client set what the transcriber does not support; the setting is accepted and has no effect',
  transcription_languages_unknown:
    'A client set a language that the transcriber does not know; the setting is accepted',
  response_done: 'Response done',
  response_failed: 'Response failed',
  context_truncated: "A conversation exceeds its model's context; its oldest items are omitted from now on",
  transcribed: 'Transcribed',
  sound_ignored: 'A sound while the assistant was audible was no interruption',
  transcription_failed: 'Transcription failed',
  interruptions_unchecked: 'The transcriber is too slow to tell interruptions from noises, which interrupt for a while',
  partial_transcript_failed: 'The words of a turn could not be sent during speech; the turn is transcribed as usual',
  voice_activity_failed: 'Voice activity detection failed',
  unknown_fields_dropped: 'Unknown fields were dropped (--lenient)',
  tool_called: 'A server-side tool has finished',
  tools_imported: 'The tools of an MCP server were imported',
  tool_import_failed: 'The tools of an MCP server could not be imported; the clients receive the reason',
  tool_server_stderr: 'An MCP server wrote to its standard error',
  tool_failed: 'A server-side tool has failed; its model and its client receive the error',
  leniency_used:
    'A client depends on something that the hosted service refuses (docs/protocol.md §9); --strict hosted refuses it too',
  turn_model_failed: 'The turn model failed; the turn was decided without it',
  voice_silent: 'The voice produced no audio for some text; it may not support the language',
  image_not_fetched: 'An image URL from a client could not be fetched',
  limits_unavailable: 'The limits of a key could not be checked or updated: the store failed',
  store_failed: 'The store failed; the request that needed it was refused',
  upstream_connected: 'Session relayed to an upstream',
  upstream_lost: 'The connection of a relayed session to its upstream was lost; reconnecting',
  upstream_restored: 'A relayed session has a new connection to its upstream',
  upstream_retrying: 'An upstream is unavailable; its session retries',
  upstream_failed: 'An upstream is unavailable; its session ends',
  upstream_odd: 'An upstream sent an invalid message',
  extensions_unknown: 'A client requested extensions that this server does not have; they are ignored',
  call_audio_dropped:
    'The session of a call was behind by limits.undetected-audio-ms; audio from its client was dropped',
  call_audio_exceeded: 'The client of a call sends audio faster than real time; the excess is dropped',
  call_refused: 'Call refused',
  call_ended: 'Call ended; the counts are those of audio packets from its client',
  peer_too_slow: 'Client disconnected: it reads too slowly',
  peer_too_fast: 'A client exceeds its message rate and is read more slowly; it was notified once',
  peer_broke_limit: 'Client disconnected: it exceeded a limit',
  peer_dead: 'Client disconnected: it does not respond',
  peer_broke_protocol: 'Client disconnected: it violated the WebSocket protocol or a frame limit',
  process_uncaught: 'Uncaught exception: the server drains and the process exits with code 1',
  process_rejection: 'Unhandled promise rejection; the server continues',
  log_repeated: 'Repeated entries were omitted: their number, and the last of them',
  log_dropped: 'Log entries were lost because they could not be written',
} as const satisfies Record<string, string>;
export type LogEvent = keyof typeof logEvents;

const levels = ['debug', 'info', 'warn', 'error'] as const;
type LogLevel = (typeof levels)[number];

export interface Log {
  debug(event: LogEvent, details: object): void;
  info(event: LogEvent, details: object): void;
  warn(event: LogEvent, details: object): void;
  error(event: LogEvent, details: object): void;
}

/** A log that is being written. */
export interface WrittenLog extends Log {
  /** Number of entries lost so far because they could not be written; undefined if unknown. */
  readonly dropped?: number;
  /** Whether entries of a level are written; all are if it is absent. */
  writes?(level: LogLevel): boolean;
  /** Flushes buffered entries, waiting at most `timeoutMs`; later entries are discarded. */
  close?(timeoutMs: number): Promise<void>;
}

/** A log that adds fields to every entry, such as the id of a session. Each session and each peer has one. */
class ChildLog implements Log {
  readonly #log: Log;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(log: Log, fields: Readonly<Record<string, unknown>>) {
    this.#log = log;
    this.#fields = fields;
  }

  debug(event: LogEvent, details: object): void {
    this.#log.debug(event, { ...this.#fields, ...details });
  }

  info(event: LogEvent, details: object): void {
    this.#log.info(event, { ...this.#fields, ...details });
  }

  warn(event: LogEvent, details: object): void {
    this.#log.warn(event, { ...this.#fields, ...details });
  }

  error(event: LogEvent, details: object): void {
    this.#log.error(event, { ...this.#fields, ...details });
  }
}

export function childLog(log: Log, fields: Readonly<Record<string, unknown>>): Log {
  return new ChildLog(log, fields);
}

export interface ProcessLog extends Required<WrittenLog> {
  /** Writes the entries of a log that was `held`, and later ones immediately. `close` does it too. */
  release(): void;
}

/** Caused by anyone who can connect: one entry of each kind is logged per minute, the others are counted. */
const refusal = (...by: string[]): DigestRule => ({ perMinute: 1, by });
/** Caused by misbehaving clients, engines and upstreams, at any rate. */
const trouble: DigestRule = { perMinute: 20 };

/** Events that are logged less often than `limits.log-entries-per-minute`. */
export const digestRules: Partial<Record<LogEvent, DigestRule>> = {
  server_connections_full: refusal(),
  tls_failed: refusal(),
  upgrade_refused: refusal('status', 'reason'),
  call_refused: refusal('status'),
  connection_refused: refusal('code', 'reason'),
  access_check_failed: refusal(),
  limits_unavailable: refusal(),
  http_failed: trouble,
  audio_request_failed: trouble,
  session_failed: trouble,
  store_failed: trouble,
  cassette_cut: trouble,
  session_not_opened: trouble,
  view_failed: trouble,
  session_fault: trouble,
  observer_failed: trouble,
  process_rejection: trouble,
  noise_reduction_unavailable: trouble,
  transcription_settings_ignored: trouble,
  transcription_languages_unknown: trouble,
  response_failed: trouble,
  transcription_failed: trouble,
  interruptions_unchecked: trouble,
  partial_transcript_failed: trouble,
  voice_activity_failed: trouble,
  unknown_fields_dropped: trouble,
  tool_import_failed: trouble,
  tool_failed: trouble,
  leniency_used: trouble,
  turn_model_failed: trouble,
  voice_silent: trouble,
  image_not_fetched: trouble,
  upstream_lost: trouble,
  upstream_retrying: trouble,
  upstream_failed: trouble,
  upstream_odd: trouble,
  engine_fallback: trouble,
  engine_recovered: trouble,
  slow_reader_closed: trouble,
  extensions_unknown: trouble,
  peer_too_slow: trouble,
  peer_too_fast: trouble,
  peer_broke_limit: trouble,
  peer_dead: trouble,
  peer_broke_protocol: trouble,
};

const standardError = 2;

export interface LogOptions {
  /** The minimum severity of entries. */
  level: LogLevel | 'silent';
  /** `auto`: pretty on a terminal, JSON elsewhere. */
  format: 'auto' | 'pretty' | 'json';
  /** Maximum bytes waiting to be written to standard error. */
  bufferBytes: number;
  /** Write nothing until `release` is called, so that the entries of the start follow the banner. */
  held?: boolean;
}

/** Creates a log on standard error. `terminal`: whether standard error is a terminal. */
export function createLog({ level, format, bufferBytes, held = false }: LogOptions, terminal: boolean): ProcessLog {
  const output = new LogOutput({
    fd: standardError,
    bufferBytes,
    held,
    onRoom: (entries) => write('warn')('log_dropped', { entries }),
  });
  const readable = format === 'pretty' || (format === 'auto' && terminal);
  const prettify = prettyFactory({
    colorize: terminal,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname,event',
    singleLine: true,
  });
  const stream = {
    write: (line: string) => output.write(readable ? prettify(showControls(line)) : escapeControls(line)),
  };
  const logger = pino({ level, base: null, serializers: { error: pino.stdSerializers.err } }, stream);
  const write = (severity: LogLevel) => (event: LogEvent, details: object) =>
    logger[severity]({ event, ...details }, logEvents[event]);
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    writes: (severity) => logger.isLevelEnabled(severity),
    get dropped() {
      return output.dropped;
    },
    release: () => output.release(),
    close: (timeoutMs) => output.close(timeoutMs),
  };
}
