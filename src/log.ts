/**
 * The log: structured, on standard error, with one catalogue of event names. What a user says, hears or is known by
 * (audio, transcripts, keys) is not logged at any level.
 */

import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { escapeControls, showControls } from './core/control-characters.ts';
import type { DigestRule } from './core/log-digest.ts';
import { LogOutput } from './core/log-output.ts';
import type { SessionLogEvent } from './session/settings.ts';

/** Every event, and the sentence that a reader of the log sees. */
export const logEvents = {
  config_warning: 'The configuration has something odd',
  server_listening: 'Listening',
  server_ready: 'Ready: a turn can be taken',
  server_stand_in_model:
    "The language model is a stand-in: it follows a few rules and does not understand. For real answers see the README, 'Your own engines'",
  server_script: 'Answers come from a script or a cassette',
  server_cassette: 'Each session is recorded to a cassette, including the audio and the words of its users',
  cassette_cut: 'The cassette of a session ends early; the session continues',
  server_local_model: 'A language model runs on this machine: it can answer in the place of the stand-in',
  engine_notice: 'An engine has something to say',
  engine_unreachable: 'The server of an engine does not answer now: what needs it fails until it does',
  engine_fallback: 'An engine did not answer: another takes its place',
  engine_recovered: 'An engine answers again',
  server_engines_failed: 'No turn can be taken: an engine could not be loaded',
  tokenizer_failed: 'The tokenizer could not be loaded: tokens are estimated by the length of text',
  server_parent_ended: 'The npm that started this server has ended: stopping, as if told to by SIGTERM',
  server_stopping: 'Stopping: turns, responses and requests may finish, no session is opened',
  server_drain_deadline: 'Some turns, responses or requests did not finish in time and are cut off',
  server_stopped: 'Stopped',
  server_connections_full: 'Too many connections that are not sessions: new ones are dropped',
  slow_reader_closed: 'A client does not read an answer over plain HTTP: its connection is closed',
  tls_failed: 'A client could not agree on TLS',
  http_failed: 'A request failed',
  audio_request_failed: 'The engine of a request to /v1/audio failed: an answer that was begun breaks off',
  audio_request_done: 'A request to /v1/audio has ended',
  upgrade_refused: 'A WebSocket was refused',
  connection_refused: 'A connection was told why it cannot have a session, and closed',
  access_check_failed: 'Who may connect could not be told: the store failed',
  client_secret_minted: 'A client secret was minted',
  session_opened: 'Session opened',
  session_closed: 'Session closed',
  session_not_opened: 'A session could not be opened: its client is refused with close 1011',
  session_failed: 'A session failed to handle something',
  session_fault: 'A session met an error of its own making; it goes on',
  noise_reduction_unavailable:
    'A client asked for noise reduction: this server has none, its audio is heard as it comes',
  response_done: 'Response done',
  response_failed: 'A response failed',
  context_truncated: "A conversation is longer than its model's context: from now on its oldest items are left out",
  transcribed: 'Transcribed',
  transcription_failed: 'A transcription failed',
  voice_activity_failed: 'Voice activity detection failed',
  unknown_fields_dropped: 'Fields that the protocol does not have were dropped (--lenient)',
  voice_silent: 'The voice made no sound of some words: it may not speak their language',
  image_not_fetched: 'An image that a client named by its address could not be fetched',
  limits_unavailable: 'The limits of a key could not be checked, or what it used could not be counted',
  store_failed: 'The store failed: what needed it was refused',
  upstream_connected: 'A session is relayed to an upstream',
  upstream_lost: "A relayed session's connection to its upstream was lost: it is made again",
  upstream_restored: 'A relayed session goes on over a new connection to its upstream',
  upstream_retrying: 'An upstream cannot be used now: the session that needs it tries again',
  upstream_failed: 'An upstream cannot be used: the session that needs it ends',
  upstream_odd: 'An upstream sent something that is not of the protocol',
  peer_too_slow: 'A client reads too slowly and is disconnected',
  peer_too_fast: 'A client sends faster than it may, and is read more slowly; it was told once',
  peer_broke_limit: 'A client went beyond a limit and is disconnected',
  peer_dead: 'A client does not answer and is disconnected',
  peer_broke_protocol: 'A client broke the WebSocket protocol or its limits and is disconnected',
  process_uncaught:
    'An uncaught exception: the server stops, running responses may finish, and the process exits with 1',
  process_rejection: 'A promise was rejected and nothing handled it: what waited for it is lost, the server goes on',
  log_repeated: 'An event happened too often to log each occurrence: the number left out, and the last of them',
  log_dropped: 'Log entries were lost: they could not be written fast enough, or at all',
} as const satisfies Record<SessionLogEvent, string> & Record<string, string>;
export type LogEvent = keyof typeof logEvents;

export interface Log {
  debug(event: LogEvent, details: object): void;
  info(event: LogEvent, details: object): void;
  warn(event: LogEvent, details: object): void;
  error(event: LogEvent, details: object): void;
}

/** A log that is written somewhere. */
export interface WrittenLog extends Log {
  /** Entries lost so far because they could not be written; undefined where that is not known. */
  readonly dropped?: number;
  /** Writes what waits, for at most `timeoutMs`; entries that follow are discarded. */
  close?(timeoutMs: number): Promise<void>;
}

/** A log whose every entry has these fields too: that of a session, or of one of its peers. */
export function childLog(log: Log, fields: Readonly<Record<string, unknown>>): Log {
  return {
    debug: (event, details) => log.debug(event, { ...fields, ...details }),
    info: (event, details) => log.info(event, { ...fields, ...details }),
    warn: (event, details) => log.warn(event, { ...fields, ...details }),
    error: (event, details) => log.error(event, { ...fields, ...details }),
  };
}

/** What `createLog` makes. */
export type ProcessLog = Required<WrittenLog>;

/** Caused by anyone who can connect: the first of a kind in each minute is logged, the others are counted. */
const refusal = (...by: string[]): DigestRule => ({ perMinute: 1, by });
/** Caused by clients, engines and upstreams that misbehave, as often as they like. */
const trouble: DigestRule = { perMinute: 20 };

/** Events that are logged less often than `limits.log-entries-per-minute`. */
export const digestRules: Partial<Record<LogEvent, DigestRule>> = {
  server_connections_full: refusal(),
  tls_failed: refusal(),
  upgrade_refused: refusal('status', 'reason'),
  connection_refused: refusal('code', 'reason'),
  access_check_failed: refusal(),
  limits_unavailable: refusal(),
  http_failed: trouble,
  audio_request_failed: trouble,
  session_failed: trouble,
  store_failed: trouble,
  cassette_cut: trouble,
  session_not_opened: trouble,
  session_fault: trouble,
  process_rejection: trouble,
  noise_reduction_unavailable: trouble,
  response_failed: trouble,
  transcription_failed: trouble,
  voice_activity_failed: trouble,
  unknown_fields_dropped: trouble,
  voice_silent: trouble,
  image_not_fetched: trouble,
  upstream_lost: trouble,
  upstream_retrying: trouble,
  upstream_failed: trouble,
  upstream_odd: trouble,
  engine_fallback: trouble,
  engine_recovered: trouble,
  slow_reader_closed: trouble,
  peer_too_slow: trouble,
  peer_too_fast: trouble,
  peer_broke_limit: trouble,
  peer_dead: trouble,
  peer_broke_protocol: trouble,
};

const levels = ['debug', 'info', 'warn', 'error'] as const;
const standardError = 2;

export interface LogOptions {
  /** The least severe entries that are written. */
  level: (typeof levels)[number] | 'silent';
  /** `auto`: pretty on a terminal, JSON elsewhere. */
  format: 'auto' | 'pretty' | 'json';
  /** Entries that standard error does not take yet. */
  bufferBytes: number;
}

/** A log on standard error. `terminal`: whether that is one. */
export function createLog({ level, format, bufferBytes }: LogOptions, terminal: boolean): ProcessLog {
  const output = new LogOutput({
    fd: standardError,
    bufferBytes,
    onRoom: (entries) => write('warn')('log_dropped', { entries }),
  });
  const readable = format === 'pretty' || (format === 'auto' && terminal);
  const prettify = prettyFactory({
    colorize: terminal,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname,event',
  });
  const stream = {
    write: (line: string) => output.write(readable ? prettify(showControls(line)) : escapeControls(line)),
  };
  const logger = pino({ level, base: null, serializers: { error: pino.stdSerializers.err } }, stream);
  const write = (severity: (typeof levels)[number]) => (event: LogEvent, details: object) =>
    logger[severity]({ event, ...details }, logEvents[event]);
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    get dropped() {
      return output.dropped;
    },
    close: (timeoutMs) => output.close(timeoutMs),
  };
}
