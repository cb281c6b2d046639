/** Items about MCP servers (`RealtimeMCP…` of the official document). They have neither `object` nor `status`. */

import { z } from 'zod';

const maxIdLength = 32;
/** `mcp_approval_` before the id of the request, which is longer if it is that of an upstream. */
const maxApprovalIdLength = 128;
const maxReferenceLength = 512;

const id = (length: number) =>
  // An empty id counts as absent.
  z.preprocess(
    (given) => (given === '' ? undefined : given),
    z
      .string()
      .max(length)
      .regex(/^[a-zA-Z0-9_-]+$/)
      .optional(),
  );
const ofServer = { id: id(maxIdLength), server_label: z.string().max(256) };
const call = { ...ofServer, name: z.string().max(256), arguments: z.string() };
const reference = z.string().max(maxReferenceLength);

/** A tool in the list of a server (`MCPListToolsTool`). */
export const listedToolSchema = z.strictObject({
  name: z.string(),
  input_schema: z.record(z.string(), z.unknown()),
  description: z.string().nullish(),
  annotations: z.record(z.string(), z.unknown()).nullish(),
});

const toolCallError = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('protocol_error'), code: z.int(), message: z.string() }),
  z.strictObject({ type: z.literal('http_error'), code: z.int(), message: z.string() }),
  z.strictObject({ type: z.literal('tool_execution_error'), message: z.string() }),
]);

/** The answer to an approval request. */
export const approvalResponseSchema = z.strictObject({
  id: id(maxApprovalIdLength),
  type: z.literal('mcp_approval_response'),
  approval_request_id: reference,
  approve: z.boolean(),
  reason: z.string().max(16_384).nullish(),
});

/** Items as a client may create them: an answer to a request, or an earlier conversation. */
export const mcpItemSchemas = [
  approvalResponseSchema,
  z.strictObject({
    ...call,
    type: z.literal('mcp_call'),
    output: z.string().nullish(),
    error: toolCallError.nullish(),
    approval_request_id: reference.nullish(),
  }),
  z.strictObject({ ...call, type: z.literal('mcp_approval_request') }),
  z.strictObject({ ...ofServer, type: z.literal('mcp_list_tools'), tools: z.array(listedToolSchema).max(1024) }),
] as const;

/** Why a call has no output (`RealtimeMCPProtocolError`, `RealtimeMCPHTTPError`, `RealtimeMCPToolExecutionError`). */
export type ToolCallError = z.infer<typeof toolCallError>;

/** A call of a tool that the server runs (`RealtimeMCPToolCall`). */
export interface McpCallItem {
  id: string;
  type: 'mcp_call';
  status?: undefined;
  server_label: string;
  name: string;
  /** JSON; empty at first. */
  arguments: string;
  /** Null until the tool has succeeded. The key is always present: one client refuses the item without it. */
  output: string | null;
  error?: ToolCallError | null;
  approval_request_id?: string | null;
}

/** A tool of a server (`MCPListToolsTool`). */
export interface ListedTool {
  name: string;
  /** A JSON schema of an object. */
  input_schema: Record<string, unknown>;
  /** Servers send a string, perhaps empty: one client refuses the list without it. */
  description?: string | null;
  annotations?: Record<string, unknown> | null;
}

/** The imported tools of a server (`RealtimeMCPListTools`); none until they are imported. */
export interface McpListToolsItem {
  id: string;
  type: 'mcp_list_tools';
  status?: undefined;
  server_label: string;
  tools: ListedTool[];
}

/** A call that waits for the client's approval (`RealtimeMCPApprovalRequest`). */
export interface ApprovalRequestItem {
  id: string;
  type: 'mcp_approval_request';
  status?: undefined;
  server_label: string;
  name: string;
  /** JSON. */
  arguments: string;
}

/** (`RealtimeMCPApprovalResponse`) */
export interface ApprovalResponseItem {
  id: string;
  type: 'mcp_approval_response';
  status?: undefined;
  approval_request_id: string;
  approve: boolean;
  reason?: string | null;
}

export type McpItem = McpCallItem | McpListToolsItem | ApprovalRequestItem | ApprovalResponseItem;
export type McpItemInput = z.infer<(typeof mcpItemSchemas)[number]>;

/** The item of a client's input. */
export function mcpItem(input: McpItemInput, id: string): McpItem {
  return input.type === 'mcp_call' ? { ...input, id, output: input.output ?? null } : { ...input, id };
}

/** The text of an item, in characters. */
export function charactersOfMcpItem(item: McpItem): number {
  switch (item.type) {
    case 'mcp_call':
    case 'mcp_approval_request': {
      const texts = [item.server_label, item.name, item.arguments];
      if (item.type === 'mcp_call') texts.push(item.output ?? '', item.error?.message ?? '');
      return texts.reduce((total, { length }) => total + length, 0);
    }
    case 'mcp_approval_response':
      return item.approval_request_id.length + (item.reason?.length ?? 0);
    case 'mcp_list_tools':
      return item.server_label.length + JSON.stringify(item.tools).length;
  }
}
