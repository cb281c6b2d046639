/** Builds the requests of a response to engines, from the session's configuration and its own parameters. */

import { withoutAbsent } from '../../core/json.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { ResponseParameters } from '../../protocol/wire/client-events.ts';
import {
  applyUpdate,
  formatRateHz,
  type Modality,
  type RealtimeConfig,
  voiceId,
} from '../../protocol/wire/session-config.ts';
import type { FunctionTool, Tool, ToolChoice } from '../../protocol/wire/tools.ts';
import { type PromptTemplate, renderPrompt } from '../context/prompts.ts';
import type { ModelTool } from '../ports/language-model.ts';
import type { ServerTool } from '../ports/tool-runner.ts';
import type { SessionTools } from '../settings.ts';
import type { GenerationOptions } from './generation.ts';
import type { GenerationTool, GenerationToolChoice } from './tool-names.ts';

/** The session's configuration, overridden by a response's parameters. */
export function withParameters(config: RealtimeConfig, parameters: ResponseParameters): RealtimeConfig {
  const { conversation: _where, input: _context, metadata: _echoed, ...settings } = parameters;
  return applyUpdate(config, { type: 'realtime', ...settings });
}

/**
 * A function or a server that a response names in `tool_choice` must exist; a session's `tool_choice` may be set before
 * its tools, and a server's tools may not be imported yet.
 * @throws {WireError}
 */
export function refuseUnknownTool(choice: ToolChoice | undefined, { tools }: RealtimeConfig): void {
  if (typeof choice !== 'object') return;
  const known = (tool: Tool) =>
    tool.type === 'function'
      ? choice.type === 'function' && tool.name === choice.name
      : choice.type === 'mcp' && tool.server_label === choice.server_label;
  if (tools.some(known)) return;
  throw wireErrors.unknownTool('response.tool_choice', choice.type === 'mcp' ? choice.server_label : choice.name);
}

export function generationRequest(
  config: RealtimeConfig,
  { settings }: Pick<SessionTools, 'settings'>,
  serverTools: readonly ServerTool[],
  parameters: ResponseParameters = {},
): Omit<GenerationOptions, 'items'> {
  const { parallel_tool_calls: parallelToolCalls, temperature } = config;
  const { format, voice, speed } = config.audio.output;
  return {
    model: config.model,
    instructions: instructionsOf(config, settings.prompts),
    ...(parameters.instructions && { instructionsOfResponse: true }),
    ...toolsAndChoice(config, serverTools),
    maxOutputTokens: config.max_output_tokens,
    parallelToolCalls,
    reasoningEffort: config.reasoning?.effort,
    temperature,
    ...(modalityOf(config) === 'audio' && {
      speech: { voice: voiceId(voice), speed, sampleRateHz: formatRateHz(format) },
    }),
  };
}

/** By the list of the session, then by that of the server's tools. */
const toolLists = new WeakMap<readonly Tool[], WeakMap<readonly ServerTool[], GenerationTool[]>>();

/** The same list while both parts are the same: its JSON is then written once (`lastingJson`). */
function toolsOf(tools: readonly Tool[], serverTools: readonly ServerTool[]): GenerationTool[] {
  const lists = toolLists.get(tools) ?? new WeakMap<readonly ServerTool[], GenerationTool[]>();
  toolLists.set(tools, lists);
  const list = lists.get(serverTools) ?? [
    ...tools.flatMap((tool) => (tool.type === 'function' ? generationTool(tool) : [])),
    ...serverTools.map((tool) => ({ ...generationTool(tool), server: tool.serverLabel })),
  ];
  lists.set(serverTools, list);
  return list;
}

/** A server whose tools are not imported has nothing to choose: the model then chooses freely. */
function toolsAndChoice(
  { tools, tool_choice: choice }: Pick<RealtimeConfig, 'tools' | 'tool_choice'>,
  serverTools: readonly ServerTool[],
): { tools: readonly GenerationTool[]; toolChoice: GenerationToolChoice } {
  const all = toolsOf(tools, serverTools);
  if (typeof choice === 'string') return { tools: all, toolChoice: choice };
  if (choice.type === 'function') return { tools: all, toolChoice: { name: choice.name } };
  const { server_label: server, name } = choice;
  const chosen = all.filter((tool) => tool.server === server && (!name || tool.name === name));
  if (chosen.length === 0) return { tools: all, toolChoice: 'auto' };
  return name ? { tools: all, toolChoice: { server, name } } : { tools: chosen, toolChoice: 'required' };
}

function generationTool({ name, description, parameters }: Omit<FunctionTool, 'type' | 'strict'>): ModelTool {
  return withoutAbsent({ name, description: description ?? undefined, parameters });
}

export function modalityOf(config: RealtimeConfig): Modality {
  return config.output_modalities[0] ?? 'audio';
}

/** The instructions of the session or the response take precedence over a prompt. */
function instructionsOf(config: RealtimeConfig, prompts: readonly PromptTemplate[]): string {
  if (config.instructions !== '' || config.prompt === null) return config.instructions;
  return renderPrompt(config.prompt, prompts, 'prompt');
}
