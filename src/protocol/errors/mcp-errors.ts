/** The part of the catalogue (`wire-errors.ts`) about MCP servers. */

import { quotedList } from './texts.ts';
import { WireError } from './wire-error.ts';

export const mcpErrors = {
  duplicateServerLabel: (param: string, label: string) =>
    new WireError(`Duplicate server_label found in 'tools': '${label}'. Give each MCP server a different label.`, {
      code: 'invalid_value',
      param,
    }),
  mutuallyExclusive: (param: string, fields: readonly string[]) =>
    new WireError(
      (field) =>
        `Mutually exclusive parameters: '${field}'. Ensure you are only providing one of: ${quotedList(fields)}.`,
      { code: 'mutually_exclusive_parameters', param },
    ),
  /** The first reference to a label must define its server. */
  undefinedServer: (param: string, label: string) =>
    new WireError(
      (field) =>
        `Missing mutually exclusive parameters: '${field}'. Ensure you are providing exactly one of: 'server_url', 'connector_id', and 'tunnel_id'. No MCP server with the label '${label}' was defined earlier in this session, or in the configuration of this server.`,
      { code: 'missing_mutually_exclusive_parameters', param },
    ),
  noMcp: (param: string) =>
    new WireError(
      (field) =>
        `Invalid '${field}': this server connects only to the MCP servers of its configuration, by their label.`,
      { code: 'invalid_value', param },
    ),
  /** A connector or a tunnel that the configuration maps to no address. */
  unmappedServer: (param: string, id: string) =>
    new WireError(
      (field) =>
        `Invalid '${field}': '${id}' is not in the configuration of this server, which maps ids to the addresses of MCP servers. Use 'server_url', or ask its operator.`,
      { code: 'invalid_value', param },
    ),
  tooManyServers: (param: string, limit: number) =>
    new WireError((field) => `Invalid '${field}': at most ${limit} MCP servers can be used at once.`, {
      code: 'array_above_max_length',
      param,
    }),
  toolsOutOfBand: (param: string) =>
    new WireError(
      (field) =>
        `Invalid '${field}': a response outside the conversation cannot use MCP servers, because no item would keep the results of their tools.`,
      { code: 'invalid_value', param },
    ),
  importFailed: (label: string, reason: string) =>
    new WireError(`The tools of the MCP server '${label}' could not be imported. ${reason}`, {
      code: 'mcp_list_tools_failed',
    }),
  unknownApproval: (param: string, id: string) =>
    new WireError(`Approval request with id '${id}' not found in the conversation.`, { code: 'invalid_value', param }),
  approvalAnswered: (param: string, id: string) =>
    new WireError(`Approval request with id '${id}' has already been answered, or its call has ended.`, {
      code: 'invalid_value',
      param,
    }),
};
