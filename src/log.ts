/**
 * The log: structured, on standard error, with one catalogue of event names. What a user says, hears or is known by
 * (audio, transcripts, keys) is not logged; transcripts appear at level `debug` only.
 */

import { pino } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';

/** Every event of the host around sessions, and the sentence that a reader of the log sees. */
export const logEvents = {
  config_warning: 'The configuration has something odd',
  server_listening: 'Listening',
  server_ready: 'Ready: a turn can be taken',
  server_engines_failed: 'No turn can be taken: an engine could not be loaded',
  server_stopping: 'Stopping: running responses may finish, no session is opened',
  server_drain_deadline: 'Some responses did not finish in time and are cut off',
  server_stopped: 'Stopped',
  server_connections_full: 'Too many connections that are not sessions: new ones are dropped',
  http_failed: 'A request failed',
  upgrade_refused: 'A WebSocket was refused',
  connection_refused: 'A connection was told why it cannot have a session, and closed',
  session_opened: 'Session opened',
  session_closed: 'Session closed',
  session_failed: 'A session failed to handle something',
  peer_too_slow: 'A client reads too slowly and is disconnected',
  peer_dead: 'A client does not answer and is disconnected',
  peer_broke_protocol: 'A client broke the WebSocket protocol or its limits and is disconnected',
  process_uncaught: 'An error escaped everything that should have caught it',
} as const;
export type LogEvent = keyof typeof logEvents;

/** The session's own events come by name alone: any string is accepted, the catalogue gives the sentence. */
export interface Log {
  debug(event: string, details: object): void;
  info(event: string, details: object): void;
  warn(event: string, details: object): void;
  error(event: string, details: object): void;
}

const levels = ['debug', 'info', 'warn', 'error'] as const;

/** The log that a configuration asks for. `terminal`: whether somebody reads it as it comes. */
export function createLog(config: Pick<Config, 'logLevel' | 'logFormat'>, terminal: boolean): Log {
  const readable = config.logFormat === 'pretty' || (config.logFormat === 'auto' && terminal);
  const stream = readable
    ? pretty({
        colorize: terminal,
        destination: 2,
        sync: true,
        translateTime: 'SYS:HH:MM:ss.l',
        ignore: 'pid,hostname,event',
      })
    : pino.destination({ dest: 2, sync: true });
  const logger = pino({ level: config.logLevel, base: null, serializers: { error: pino.stdSerializers.err } }, stream);
  const write = (level: (typeof levels)[number]) => (event: string, details: object) =>
    logger[level]({ event, ...details }, sentence(event));
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** A log that says nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

function sentence(event: string): string {
  return Object.hasOwn(logEvents, event) ? logEvents[event as LogEvent] : event;
}
