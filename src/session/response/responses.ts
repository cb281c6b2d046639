import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { ResponseParameters } from '../../protocol/wire/client-events.ts';
import { copyItem, type Item } from '../../protocol/wire/items.ts';
import type { RateLimit, UnsentEvent } from '../../protocol/wire/server-events.ts';
import { type RealtimeConfig, voiceId } from '../../protocol/wire/session-config.ts';
import { ContextBuilder } from '../context/context-builder.ts';
import type { AudioRetention } from '../conversation/audio-retention.ts';
import type { Conversation, ConversationEntry, Position } from '../conversation/conversation.ts';
import type { DecodedAudio } from '../conversation/item-audio.ts';
import { startGeneration } from '../generation/generation.ts';
import { generationRequest, modalityOf, refuseUnknownTool, withParameters } from '../generation/generation-request.ts';
import { refuseUnavailable } from '../limits/unavailable.ts';
import type { SessionTools } from '../settings.ts';
import { Pacer } from './pacer.ts';
import { Response, type ResponseHost } from './response.ts';

interface Host {
  tools: SessionTools;
  conversation: Conversation;
  retention: AudioRetention;
  config(): RealtimeConfig;
  emit(event: UnsentEvent): void;
  /** What `rate_limits.updated` tells. */
  rateLimits(): RateLimit[];
  /** The entries of a response's own `input`, which need not be in the conversation. */
  resolveInput(input: NonNullable<ResponseParameters['input']>, audio: DecodedAudio | undefined): ConversationEntry[];
  ended(response: Response): void;
}

/** The responses of one session: at most one in the conversation, and some beside it. */
export class Responses {
  readonly #host: Host;
  readonly #pacer: Pacer;
  readonly #contexts: ContextBuilder;
  readonly #outOfBand = new Map<string, Response>();
  #active: Response | undefined;
  /** The item after which the active response's next output goes; null for the head. */
  #anchorId: string | null = null;
  #hasSpoken = false;
  readonly #drained = Promise.withResolvers<void>();
  #closing = false;

  constructor(host: Host) {
    this.#host = host;
    this.#pacer = new Pacer(host.tools.clock, host.tools.settings.outputLeadMs);
    this.#contexts = new ContextBuilder(host.tools, host.conversation);
  }

  /** The response that runs in the conversation. */
  get active(): Response | undefined {
    return this.#active;
  }

  /** Whether any runs, in the conversation or beside it. */
  get running(): boolean {
    return this.#active !== undefined || this.#outOfBand.size > 0;
  }

  /** When all audio sent so far will have been heard, on the Clock. */
  get playbackEndsAt(): number {
    return this.#pacer.playbackEndsAt;
  }

  /** Whether a voice was heard in the conversation: it can then no longer be changed. */
  get hasSpoken(): boolean {
    return this.#hasSpoken;
  }

  get closing(): boolean {
    return this.#closing;
  }

  /**
   * Starts a response. `audio`: that of its own input.
   * @throws {WireError} when one is active already, or too many run
   */
  create(parameters: ResponseParameters, audio?: DecodedAudio): Response {
    if (this.#closing) throw wireErrors.shuttingDown();
    const outOfBand = parameters.conversation === 'none';
    const limit = this.#host.tools.settings.limits.outOfBandResponses;
    if (!outOfBand && this.#active) throw wireErrors.activeResponse(this.#active.id);
    if (outOfBand && this.#outOfBand.size >= limit) throw wireErrors.tooManyResponses(limit);
    refuseUnavailable(parameters, this.#host.tools, 'response');
    const { conversation } = this.#host;
    const entries = parameters.input ? this.#host.resolveInput(parameters.input, audio) : [...conversation.entries];
    const { version } = conversation;
    const config = withParameters(this.#host.config(), parameters);
    refuseUnknownTool(parameters.tool_choice, config);
    const response = this.#build(config, { outOfBand, metadata: parameters.metadata ?? null });
    if (outOfBand) {
      this.#outOfBand.set(response.id, response);
    } else {
      this.#active = response;
      this.#anchorId = conversation.lastId;
    }
    void response.run(async (signal) => {
      const request = generationRequest(config, this.#host.tools.settings.prompts);
      const { model, truncation } = config;
      const { instructions, tools } = request;
      const snapshot = await this.#contexts.build(
        {
          ...{ entries, version, model, instructions, tools, truncation },
          maxOutputTokens: config.max_output_tokens,
          ofConversation: parameters.input === undefined,
          inConversation: !outOfBand,
          admitted: (reservation) => {
            response.reservation = reservation;
          },
        },
        signal,
      );
      return startGeneration({ ...request, snapshot }, this.#host.tools);
    });
    return response;
  }

  /**
   * Cancels a response by its id, or the conversation's.
   * @throws {WireError} when there is none
   */
  cancel(responseId: string | undefined): void {
    const response =
      responseId === undefined || responseId === this.#active?.id ? this.#active : this.#outOfBand.get(responseId);
    if (!response) throw wireErrors.cancelNotActive();
    response.cancel('client_cancelled');
  }

  /** The user speaks: the conversation's response, if one runs, gives way. */
  interrupt(): void {
    this.#active?.cancel('turn_detected');
    this.#pacer.interrupt();
  }

  /** The listener stopped hearing what was sent, without having spoken. */
  playbackStopped(): void {
    this.#pacer.interrupt();
  }

  /** An item is about to be deleted: a response that is still making it is cancelled first. */
  release(itemId: string): void {
    if (this.#active?.itemIds.includes(itemId)) this.#active.cancel('client_cancelled');
    this.#contexts.release(itemId);
    if (this.#anchorId === itemId) this.#anchorId = this.#host.conversation.previousId(itemId);
  }

  /** Resolves once none runs; from now on none is started. */
  drain(): Promise<void> {
    this.#closing = true;
    this.#settleDrain();
    return this.#drained.promise;
  }

  close(): void {
    this.#closing = true;
    for (const response of [this.#active, ...this.#outOfBand.values()]) response?.cancel('client_cancelled');
  }

  #build(
    config: RealtimeConfig,
    { outOfBand, metadata }: { outOfBand: boolean; metadata: Record<string, string> | null },
  ): Response {
    const { tools, conversation } = this.#host;
    const { output } = config.audio;
    const host: ResponseHost = {
      tools,
      pacer: outOfBand ? new Pacer(tools.clock, tools.settings.outputLeadMs) : this.#pacer,
      emit: (event) => this.#host.emit(event),
      addItem: (item) => this.#addItem(item),
      itemDone: (item) => this.#itemDone(item),
      keep: (audio) => {
        // Nobody can ask for audio that is not in the conversation.
        if (outOfBand) return audio.dropAudio();
        this.#hasSpoken = true;
        this.#host.retention.keep(audio);
      },
      ended: (response) => this.#ended(response),
    };
    return new Response(
      {
        modality: modalityOf(config),
        format: output.format,
        voice: voiceId(output.voice),
        maxOutputTokens: config.max_output_tokens,
        metadata,
        ...(config.temperature !== undefined && { temperature: config.temperature }),
        conversationId: outOfBand ? null : conversation.id,
      },
      host,
    );
  }

  #addItem(item: Item): ConversationEntry {
    const { conversation } = this.#host;
    const position: Position = this.#anchorId === null ? 'head' : { after: this.#anchorId };
    const entry = conversation.insert(item, position);
    this.#anchorId = item.id;
    this.#host.emit({
      type: 'conversation.item.added',
      previous_item_id: conversation.previousId(item.id),
      item: copyItem(item),
    });
    return entry;
  }

  #itemDone(item: Item): void {
    const { conversation } = this.#host;
    conversation.touch();
    this.#host.emit({
      type: 'conversation.item.done',
      previous_item_id: conversation.previousId(item.id),
      item: copyItem(item),
    });
  }

  #ended(response: Response): void {
    if (this.#active === response) this.#active = undefined;
    this.#outOfBand.delete(response.id);
    this.#host.tools.meter.responseUsed(response.usage, response.reservation);
    this.#host.emit({ type: 'rate_limits.updated', rate_limits: this.#host.rateLimits() });
    this.#host.ended(response);
    this.#settleDrain();
  }

  #settleDrain(): void {
    if (this.#closing && !this.running) this.#drained.resolve();
  }
}
