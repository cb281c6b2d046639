/** The wire protocol only: types, parsers and errors, for clients, proxies and tests. */

export { betaDialect, betaDialectWith } from './beta/beta.ts';
export type { Dialect } from './dialect.ts';
export { errorEvent, renderErrorEvent, WireError, type WireErrorType, wireErrors } from './errors/wire-errors.ts';
export { gaDialect, gaDialectWith } from './ga.ts';
export { ClientEventError } from './parse/frame-parser.ts';
export { type Check, type CheckNotices, lenientCheck, strictCheck } from './parse/schema-check.ts';
export type {
  AppendEvent,
  ClientEvent,
  ClientEventOf,
  ClientEventType,
  ResponseParameters,
} from './wire/client-events.ts';
export { type IdKind, type IdSource, randomId } from './wire/ids.ts';
export type {
  AssistantMessage,
  FunctionCallItem,
  Item,
  ItemInput,
  ItemStatus,
  MessageItem,
  ResponseInputItem,
  UserMessage,
} from './wire/items.ts';
export type {
  ApprovalRequestItem,
  ApprovalResponseItem,
  ListedTool,
  McpCallItem,
  McpListToolsItem,
  ToolCallError,
} from './wire/mcp-items.ts';
export type {
  ContentPart,
  ErrorDetails,
  OutgoingEvent,
  RelayedEvent,
  ResponseResource,
  ResponseStatus,
  ServerEvent,
  ServerEventOf,
  ServerEventType,
  StatusDetails,
  UnsentEvent,
  Usage,
} from './wire/server-events.ts';
export {
  type AudioFormat,
  applyUpdate,
  defaultRealtimeConfig,
  type Modality,
  type RealtimeConfig,
  type RealtimeUpdate,
  type SessionConfig,
  type SessionType,
  type SessionUpdate,
  type TranscriptionConfig,
  type TurnDetection,
  type VoiceName,
  voiceId,
  voices,
} from './wire/session-config.ts';
export { type SessionKind, sessionKinds } from './wire/session-kinds.ts';
export type { FunctionTool, McpTool, Tool, ToolChoice } from './wire/tools.ts';
