/** Builds the requests of a response to engines, from the session's configuration and its own parameters. */

import { withoutAbsent } from '../../core/json.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { ResponseParameters } from '../../protocol/wire/client-events.ts';
import {
  applyUpdate,
  type FunctionTool,
  formatRateHz,
  type Modality,
  type RealtimeConfig,
  type ToolChoice,
  voiceId,
} from '../../protocol/wire/session-config.ts';
import { type PromptTemplate, renderPrompt } from '../context/prompts.ts';
import type { ModelTool, ModelToolChoice } from '../ports/language-model.ts';
import type { ServerTool } from '../ports/tool-runner.ts';
import type { SessionTools } from '../settings.ts';
import type { GenerationOptions } from './generation.ts';

/** The session's configuration, overridden by a response's parameters. */
export function withParameters(config: RealtimeConfig, parameters: ResponseParameters): RealtimeConfig {
  const { conversation: _where, input: _context, metadata: _echoed, ...settings } = parameters;
  return applyUpdate(config, { type: 'realtime', ...settings });
}

/**
 * A function that a response names in `tool_choice` must exist; a session's `tool_choice` may be set before its tools.
 * @throws {WireError}
 */
export function refuseUnknownTool(choice: ToolChoice | undefined, { tools }: RealtimeConfig): void {
  if (typeof choice !== 'object' || tools.some(({ name }) => name === choice.name)) return;
  throw wireErrors.unknownTool('response.tool_choice', choice.name);
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
    tools: toolsOf(config.tools, serverTools),
    toolChoice: modelToolChoice(config.tool_choice),
    maxOutputTokens: config.max_output_tokens,
    parallelToolCalls,
    reasoningEffort: config.reasoning?.effort,
    temperature,
    ...(modalityOf(config) === 'audio' && {
      speech: { voice: voiceId(voice), speed, sampleRateHz: formatRateHz(format) },
    }),
  };
}

const toolsOfClients = new WeakMap<RealtimeConfig['tools'], ModelTool[]>();

/** Without tools of the server, the same list while the client's are the same: its JSON is then written once (`lastingJson`). */
function toolsOf(tools: RealtimeConfig['tools'], serverTools: readonly ServerTool[]): ModelTool[] {
  const ofClient = toolsOfClients.get(tools) ?? tools.map(generationTool);
  toolsOfClients.set(tools, ofClient);
  if (serverTools.length === 0) return ofClient;
  return [...ofClient, ...serverTools.map((tool) => ({ ...generationTool(tool), server: tool.serverLabel }))];
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

function modelToolChoice(choice: ToolChoice): ModelToolChoice {
  return typeof choice === 'string' ? choice : { name: choice.name };
}
