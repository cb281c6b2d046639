/** The tools of sessions and responses (`RealtimeToolsConfig` of the official document): functions and MCP servers. */

import { z } from 'zod';

const functionTool = z.strictObject({
  type: z.literal('function'),
  name: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[a-zA-Z0-9_-]+$/),
  description: z.string().max(16_384).nullish(),
  parameters: z.unknown().optional(),
  // Some SDKs send it with every tool. It has no effect and is not in the types of `session` (docs/protocol.md §2).
  strict: z
    .boolean()
    .nullish()
    .transform(() => undefined),
});

const maxTools = 128;
const maxToolNames = 1024;
const maxHeaders = 64;
const maxSecretLength = 16_384;

const urlProblem = 'expected an http or https address without a user name or password';
const serverUrl = z
  .string()
  .max(8192)
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  }, urlProblem);

/** The connectors of the hosted service. */
export const connectorIds = [
  'connector_dropbox',
  'connector_gmail',
  'connector_googlecalendar',
  'connector_googledrive',
  'connector_microsoftteams',
  'connector_outlookcalendar',
  'connector_outlookemail',
  'connector_sharepoint',
] as const;

const headerName = z
  .string()
  .max(256)
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
/** Headers that describe the connection or its message, which Parley sets, or that choose another virtual host. */
const connectionHeaders: ReadonlySet<string> = new Set([
  ...['connection', 'content-length', 'expect', 'host', 'keep-alive', 'proxy-connection', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade'],
]);
const headerValue = z
  .string()
  .max(maxSecretLength)
  .regex(/^[\x20-\x7e]*$/);
export const headersSchema = z
  .record(headerName, headerValue)
  .refine((headers) => Object.keys(headers).length <= maxHeaders, `expected at most ${maxHeaders} headers`);
const toolNames = z.array(z.string().max(256)).max(maxToolNames);
/** A tool matches if it has all of the given properties. */
const toolFilter = z.strictObject({ tool_names: toolNames.optional(), read_only: z.boolean().optional() });

const label = z.string().min(1).max(256);

/** A server whose tools this server runs. A later one with the same label may leave out what does not change. */
const mcpTool = z.strictObject({
  type: z.literal('mcp'),
  server_label: label,
  server_url: serverUrl.optional(),
  connector_id: z.enum(connectorIds).optional(),
  tunnel_id: z
    .string()
    .regex(/^tunnel_[a-z0-9]{32}$/)
    .optional(),
  authorization: headerValue.min(1).optional(),
  headers: headersSchema.nullish(),
  allowed_tools: z.union([toolNames, toolFilter]).nullish(),
  require_approval: z
    .union([
      z.enum(['always', 'never']),
      z.strictObject({ always: toolFilter.optional(), never: toolFilter.optional() }),
    ])
    .nullish(),
  server_description: z.string().max(16_384).optional(),
  // Accepted without effect: all tools are loaded at once, and only the model calls them.
  defer_loading: z.boolean().optional(),
  allowed_callers: z
    .array(z.enum(['direct', 'programmatic']))
    .min(1)
    .max(2)
    .nullish(),
});

/** The beta dialect has functions only. */
export const functionToolsSchema = z.array(z.discriminatedUnion('type', [functionTool])).max(maxTools);
export const toolsSchema = z.array(z.discriminatedUnion('type', [functionTool, mcpTool])).max(maxTools);

const choiceMode = z.enum(['auto', 'none', 'required']);
const functionChoice = z.strictObject({ type: z.literal('function'), name: z.string().min(1).max(64) });
/** Without a name: any tool of the server. */
const mcpChoice = z.strictObject({
  type: z.literal('mcp'),
  server_label: label,
  name: z.string().min(1).max(256).nullish(),
});
export const functionToolChoiceSchema = z.union([choiceMode, functionChoice]);
export const toolChoiceSchema = z.union([choiceMode, z.discriminatedUnion('type', [functionChoice, mcpChoice])]);

export type FunctionTool = z.infer<typeof functionTool>;
export type McpTool = z.infer<typeof mcpTool>;
export type ToolFilter = z.infer<typeof toolFilter>;
export type Tool = FunctionTool | McpTool;
export type ToolChoice = z.infer<typeof toolChoiceSchema>;

export function isConnectionHeader(name: string): boolean {
  return connectionHeaders.has(name.toLowerCase());
}

/** A tool as clients see it: without the secrets of an MCP server, which may be in the query of its address. */
export function shownTool(tool: Tool): Tool {
  if (tool.type === 'function') return tool;
  const { authorization: _secret, headers: _secrets, server_url, ...shown } = tool;
  return { ...shown, ...(server_url !== undefined && { server_url: server_url.replace(/[?#].*$/s, '') }) };
}
