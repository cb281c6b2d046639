import { mcpErrors } from '../../protocol/errors/mcp-errors.ts';
import { responseFailures } from '../../protocol/errors/response-failures.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { ResponseParameters } from '../../protocol/wire/client-events.ts';
import { type RealtimeConfig, voiceId } from '../../protocol/wire/session-config.ts';
import { type BuiltContext, ContextBuilder, type ContextRequest } from '../context/context-builder.ts';
import { ContextHistory } from '../context/context-history.ts';
import { totalTokens } from '../context/token-cost.ts';
import type { ConversationEntry } from '../conversation/conversation.ts';
import type { DecodedAudio } from '../conversation/item-audio.ts';
import type { ItemOperations } from '../conversation/item-operations.ts';
import { startGeneration } from '../generation/generation.ts';
import { generationRequest, modalityOf, refuseUnknownTool, withParameters } from '../generation/generation-request.ts';
import { type Prompt, Speculation } from '../generation/speculation.ts';
import { refuseUnavailable } from '../limits/unavailable.ts';
import type { ExpectedTokens } from '../ports/meter.ts';
import type { SessionCore } from '../session-core.ts';
import type { Decision } from '../tools/approvals.ts';
import { mcpToolsOf } from '../tools/definitions.ts';
import type { McpTools } from '../tools/mcp-tools.ts';
import { ToolCalls } from '../tools/tool-calls.ts';
import { ConversationTarget, OutOfBandTarget } from './output-items.ts';
import { Response } from './response.ts';

/** The responses of one session: at most one in the conversation, and several out of band. */
export class Responses {
  readonly #core: SessionCore;
  readonly #items: ItemOperations;
  readonly #mcp: McpTools;
  readonly #onEnded: (response: Response) => void;
  readonly #history: ContextHistory;
  readonly #contexts: ContextBuilder;
  /** Created with the first use, because most sessions have no tools on the server. */
  #toolCalls: ToolCalls | undefined;
  readonly #toolDone: (responseId: string) => void;
  readonly #outOfBand = new Map<string, Response>();
  #active: { response: Response; target: ConversationTarget } | undefined;
  #speculation: Speculation | undefined;
  #closing = false;
  #deferred: (() => void) | undefined;

  /** `ended` is called after the last event of each response, `toolDone` after that of each server-side tool call. */
  constructor(
    core: SessionCore,
    { items, mcp }: { items: ItemOperations; mcp: McpTools },
    { ended, toolDone }: { ended: (response: Response) => void; toolDone: (responseId: string) => void },
  ) {
    this.#core = core;
    this.#items = items;
    this.#mcp = mcp;
    this.#onEnded = ended;
    this.#history = new ContextHistory(core.observers);
    this.#contexts = new ContextBuilder(core, this.#history);
    this.#toolDone = toolDone;
  }

  /** The response that is running in the conversation. */
  get active(): Response | undefined {
    return this.#active?.response;
  }

  /** Whether a response is running, in the conversation or out of band, or a tool call of one. */
  get running(): boolean {
    return this.#active !== undefined || this.#outOfBand.size > 0 || (this.#toolCalls?.running ?? false);
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** Whether calls of a response are running or wait for approval, and whether clients must answer others. */
  hasOpenCalls(responseId: string): boolean {
    return this.#toolCalls?.isOpen(responseId) || hasUnansweredCalls(this.#core.conversation.entries);
  }

  /** @throws {WireError} if no request for approval waits for this answer; `param` is the place of its id */
  requireApproval(decision: Decision, param: string): void {
    this.#tools.requireApproval(decision, param);
  }

  /** Takes the client's answer to a request for approval. */
  decide(decision: Decision): void {
    this.#toolCalls?.decide(decision);
  }

  /**
   * Starts a response. `audio` is the decoded audio of `parameters.input`.
   * @throws {WireError} when one is active already, or too many are running
   */
  create(parameters: ResponseParameters, audio?: DecodedAudio): Response {
    if (this.#closing) throw wireErrors.shuttingDown();
    const outOfBand = parameters.conversation === 'none';
    const limit = this.#core.settings.limits.outOfBandResponses;
    if (!outOfBand && this.#active) throw wireErrors.activeResponse(this.#active.response.id);
    if (outOfBand && this.#outOfBand.size >= limit) throw wireErrors.tooManyResponses(limit);
    refuseUnavailable(parameters, this.#core, 'response');
    const ownTools = parameters.tools ?? [];
    if (outOfBand && mcpToolsOf(ownTools).length > 0) throw mcpErrors.toolsOutOfBand('response.tools');
    const decisions = this.#decisionsIn(parameters);
    const { conversation } = this.#core;
    const entries = parameters.input ? this.#items.resolveInput(parameters.input, audio) : [...conversation.entries];
    const { version } = conversation;
    const config = withParameters(this.#core.config, parameters);
    refuseUnknownTool(parameters.tool_choice, config);
    this.#mcp.use(ownTools);
    const target = outOfBand ? new OutOfBandTarget(this.#core) : new ConversationTarget(this.#core);
    const response = new Response(this.#core, {
      modality: modalityOf(config),
      format: config.audio.output.format,
      voice: voiceId(config.audio.output.voice),
      maxOutputTokens: config.max_output_tokens,
      metadata: parameters.metadata ?? null,
      temperature: config.temperature,
      target,
      toolCalls: () => this.#tools,
      ended: (ended) => this.#ended(ended),
    });
    if (target instanceof ConversationTarget) this.#active = { response, target };
    else this.#outOfBand.set(response.id, response);
    this.#core.outputBuffer.responseCreated(response.id);
    const from = { entries, version, config };
    const where = { ofConversation: parameters.input === undefined, inConversation: !outOfBand };
    const speculation = outOfBand ? undefined : this.#takeSpeculation();
    void response.run(async (signal) => {
      try {
        // Tools that a response has for itself could never be used if it did not wait for their import.
        if (mcpToolsOf(ownTools).length > 0) await this.#mcp.imported(ownTools, signal);
        // A call outside the conversation would have no item for its result.
        const serverTools = outOfBand ? [] : this.#mcp.offered(config.tools);
        if (serverTools.length > 0) this.#tools.offer(response.id, serverTools);
        const options = generationRequest(config, this.#core, serverTools, parameters);
        const estimate = await this.#contexts.estimate(contextRequest(options, from, where), signal);
        await this.#admit(response, { input: estimate.inputTokens, output: options.maxOutputTokens }, signal);
        const context = await this.#contexts.build(estimate, signal);
        this.#history.adopt(context);
        const prompt = promptOf(options, context);
        const generation = speculation?.adopt(prompt) ?? startGeneration(prompt.options, this.#core);
        return { generation, snapshot: context.snapshot };
      } finally {
        this.#drop(speculation);
      }
    });
    for (const decision of decisions) this.decide(decision);
    return response;
  }

  /**
   * Defers a response until the conversation's has ended, if only audio of that remains: its end is then near, and
   * clients answer calls while it is spoken. Returns whether it was deferred; only one can be.
   */
  defer(start: () => void): boolean {
    if (this.#deferred || !this.active?.onlySpeaks) return false;
    this.#deferred = start;
    return true;
  }

  /** Starts the deferred response once none is active. */
  startDeferred(): void {
    if (this.active) return;
    const start = this.#deferred;
    this.#deferred = undefined;
    start?.();
  }

  /**
   * Starts the answer to a turn that may end here, from the conversation with `turn` at its end, without emitting,
   * reserving, logging, fetching or transcribing. The next response in the conversation adopts it if it fits
   * (`Speculation.adopt`); another speculation replaces it. Undefined if it could not fit, because a response is
   * running or none may start.
   */
  speculate(turn: ConversationEntry): Speculation | undefined {
    this.dropSpeculation();
    if (this.#closing || this.#active || !this.#core.aheadQuota.isFree) return undefined;
    const { conversation, config } = this.#core;
    const from = { entries: [...conversation.entries, turn], version: conversation.version, config };
    this.#speculation = new Speculation(async (signal) => {
      const options = generationRequest(config, this.#core, this.#mcp.offered(config.tools));
      const where = { ofConversation: true, inConversation: true };
      const context = await this.#contexts.buildFromKnown(contextRequest(options, from, where), signal);
      return context && promptOf(options, context);
    }, this.#core);
    return this.#speculation;
  }

  /** Drops the answer that was started ahead, if it was not adopted. */
  dropSpeculation(): void {
    this.#drop(this.#takeSpeculation());
  }

  #drop(speculation: Speculation | undefined): void {
    if (!speculation?.drop()) return;
    this.#core.aheadQuota.count();
    const { cost } = speculation;
    if (cost) this.#core.observers.publish({ type: 'ahead_dropped', work: 'answer', ...cost });
  }

  /**
   * Cancels a response by its id, or the conversation's.
   * @throws {WireError} when there is none
   */
  cancel(responseId: string | undefined): void {
    if (responseId === undefined && this.active) return this.#cancelActive('client_cancelled');
    const response =
      responseId === undefined || responseId === this.active?.id ? this.active : this.#outOfBand.get(responseId);
    if (!response) throw wireErrors.cancelNotActive();
    response.cancel('client_cancelled');
  }

  /** Interrupts the conversation's response, if any, because the user speaks. */
  interrupt(): void {
    this.#cancelActive('turn_detected');
    this.#items.interrupt();
  }

  /** A client cuts off the audio of a call, and the response that it belongs to. */
  clearAudio(): void {
    const { speaking } = this.#core.outputBuffer;
    if (speaking !== undefined && this.active?.id === speaking) this.active.cancel('client_cancelled');
    this.#items.interrupt();
  }

  /** Includes the deferred response, which becomes active when the first one ends. There is at most one. */
  #cancelActive(reason: 'turn_detected' | 'client_cancelled'): void {
    this.active?.cancel(reason);
    this.active?.cancel(reason);
  }

  /**
   * Call when an item is about to be deleted: a response that is still producing it is cancelled first. Call the
   * returned function when the item has been deleted.
   */
  release(itemId: string): () => void {
    if (this.active?.itemIds.includes(itemId)) this.active.cancel('client_cancelled');
    const deleted = this.#toolCalls?.release(itemId);
    this.#contexts.release(itemId);
    this.#active?.target.release(itemId);
    return deleted ?? (() => {});
  }

  /** Prevents further responses. */
  refuseMore(): void {
    this.#closing = true;
  }

  close(): void {
    this.#closing = true;
    this.#deferred = undefined;
    this.dropSpeculation();
    for (const response of [this.active, ...this.#outOfBand.values()]) response?.cancel('client_cancelled');
    this.#toolCalls?.close();
    this.#core.toolRunner.close?.();
  }

  /**
   * Reserves the maximum tokens of a response.
   * @throws {ResponseFailure} when it is refused; the signal's reason
   */
  async #admit(response: Response, expected: ExpectedTokens, signal: AbortSignal): Promise<void> {
    const { refusal, reservation } = await this.#core.meter.admitResponse(expected);
    if (refusal) throw responseFailures.rateLimited(refusal.message);
    if (signal.aborted) reservation?.settle(0);
    signal.throwIfAborted();
    response.reservation = reservation;
  }

  /** The approvals in a response's own input. @throws {WireError} */
  #decisionsIn({ input = [] }: ResponseParameters): Iterable<Decision> {
    const decisions = new Map<string, Decision>();
    for (const [index, item] of input.entries()) {
      if (item.type !== 'mcp_approval_response') continue;
      const { approval_request_id: id } = item;
      const param = `response.input[${index}].approval_request_id`;
      this.requireApproval(item, param);
      if (decisions.has(id)) throw mcpErrors.approvalAnswered(param, id);
      decisions.set(id, item);
    }
    return decisions.values();
  }

  get #tools(): ToolCalls {
    this.#toolCalls ??= new ToolCalls(this.#core, this.#toolDone);
    return this.#toolCalls;
  }

  #takeSpeculation(): Speculation | undefined {
    const speculation = this.#speculation;
    this.#speculation = undefined;
    return speculation;
  }

  #ended(response: Response): void {
    if (this.active === response) this.#active = undefined;
    this.#outOfBand.delete(response.id);
    const { meter, responseQuota } = this.#core;
    meter.responseUsed(response.spent, response.reservation);
    if (!response.endedEmpty) {
      const rate_limits = [...responseQuota.rateLimits(), ...meter.rateLimits()];
      this.#core.emit({ type: 'rate_limits.updated', rate_limits });
    }
    this.#core.outputBuffer.responseEnded(response.id);
    this.#toolCalls?.responseEnded(response.id);
    this.#onEnded(response);
  }
}

/** Whether a call of a client's function has no output yet. */
function hasUnansweredCalls(entries: readonly ConversationEntry[]): boolean {
  const answered = new Set(
    entries.map(({ item }) => (item.type === 'function_call_output' ? item.call_id : undefined)),
  );
  return entries.some(({ item }) => item.type === 'function_call' && !answered.has(item.call_id));
}

type RequestOptions = ReturnType<typeof generationRequest>;

function contextRequest(
  { instructions, tools }: RequestOptions,
  { entries, version, config }: Pick<ContextRequest, 'entries' | 'version'> & { config: RealtimeConfig },
  where: Pick<ContextRequest, 'ofConversation' | 'inConversation'>,
): ContextRequest {
  const { model, truncation } = config;
  return { entries, version, model, instructions, tools, truncation, ...where };
}

function promptOf(options: RequestOptions, { snapshot }: BuiltContext): Prompt {
  return {
    version: snapshot.version,
    inputTokens: totalTokens(snapshot.cost),
    options: { ...options, items: snapshot.items },
  };
}
