/** What a relayed session reports; the log's catalogue has a sentence for each. Never audio, words or keys; whoever makes the session adds its id to each entry. */
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
