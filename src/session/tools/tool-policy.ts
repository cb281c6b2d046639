/** The rules of a definition about the tools of its server: `allowed_tools` and `require_approval`. */

import type { ListedTool } from '../../protocol/wire/mcp-items.ts';
import type { McpTool, ToolFilter } from '../../protocol/wire/tools.ts';

/** Whether the model may see a tool. */
export function isAllowed(tool: ListedTool, { allowed_tools: allowed }: McpTool): boolean {
  if (!allowed) return true;
  return matches(tool, Array.isArray(allowed) ? { tool_names: allowed } : allowed);
}

/**
 * Whether a call needs the client's approval: always, unless the definition or the operator says otherwise. If both
 * filters match, `always` takes precedence. An empty filter matches nothing, because it is more likely a mistake than
 * a waiver.
 */
export function needsApproval(
  tool: ListedTool,
  { require_approval: required }: McpTool,
  byOperator: 'always' | 'never' | undefined,
): boolean {
  if (byOperator === 'always') return true;
  const policy = required ?? byOperator ?? 'always';
  if (typeof policy === 'string') return policy === 'always';
  const { always, never } = policy;
  if (always && !isEmpty(always) && matches(tool, always)) return true;
  return !(never && !isEmpty(never) && matches(tool, never));
}

function isEmpty({ tool_names, read_only }: ToolFilter): boolean {
  return tool_names === undefined && read_only === undefined;
}

function matches({ name, annotations }: ListedTool, { tool_names, read_only }: ToolFilter): boolean {
  if (tool_names && !tool_names.includes(name)) return false;
  return read_only === undefined || read_only === (annotations?.readOnlyHint === true);
}
