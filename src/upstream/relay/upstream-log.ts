/**
 * The log entries of a relayed session, without audio, transcripts or keys. The creator of the session adds its id to
 * each entry.
 */
export type UpstreamLogEvent =
  | 'upstream_connected'
  | 'upstream_lost'
  | 'upstream_restored'
  | 'upstream_retrying'
  | 'upstream_failed'
  | 'upstream_odd';

export interface UpstreamLog {
  info(event: UpstreamLogEvent, details: object): void;
  warn(event: UpstreamLogEvent, details: object): void;
}
