import { mcpErrors } from '../errors/mcp-errors.ts';
import { wireErrors } from '../errors/wire-errors.ts';
import { type FunctionTool, isConnectionHeader, type McpTool, type Tool } from '../wire/tools.ts';

/**
 * Refuses tools that their schemas cannot refuse: parameters that are not a schema of an object, and definitions of MCP
 * servers that contradict themselves or each other. `param` is the path of the list.
 * @throws {WireError}
 */
export function refuseBadTools(tools: readonly Tool[] | undefined, param: string): void {
  const labels = new Set<string>();
  for (const [index, tool] of (tools ?? []).entries()) {
    const path = `${param}[${index}]`;
    if (tool.type === 'function') refuseBadParameters(tool, path);
    else {
      refuseBadServer(tool, path);
      if (labels.has(tool.server_label)) {
        throw mcpErrors.duplicateServerLabel(`${path}.server_label`, tool.server_label);
      }
      labels.add(tool.server_label);
    }
  }
}

function refuseBadParameters({ name, parameters }: FunctionTool, path: string): void {
  if (parameters === undefined || Reflect.get(Object(parameters), 'type') === 'object') return;
  throw wireErrors.badToolParameters(`${path}.parameters`, { name, parameters });
}

const addresses = ['server_url', 'connector_id', 'tunnel_id'] as const;

function refuseBadServer(tool: McpTool, path: string): void {
  const named = addresses.filter((field) => tool[field] !== undefined);
  if (named.length > 1) throw mcpErrors.mutuallyExclusive(path, named);
  const headers = Object.keys(tool.headers ?? {});
  const reserved = headers.find(isConnectionHeader);
  if (reserved !== undefined) {
    throw wireErrors.invalid(`${path}.headers.${reserved}`, 'this server sets this header itself. Leave it out');
  }
  const authorizes = headers.some((name) => name.toLowerCase() === 'authorization');
  if (authorizes && tool.authorization !== undefined) {
    throw mcpErrors.mutuallyExclusive(path, ['authorization', 'headers.Authorization']);
  }
  if (authorizes && tool.connector_id !== undefined) {
    throw wireErrors.invalid(`${path}.headers`, "a connector gets its token from 'authorization'");
  }
}
