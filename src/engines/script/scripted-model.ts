import { setImmediate as nextTurn } from 'node:timers/promises';
import { pause } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import type { LanguageModel, ModelEvent, ModelRequest } from '../../session/ports/language-model.ts';
import { type WorkClaim, whenAdopted } from '../../session/ports/work-claim.ts';
import { callDeltas, deltasPerTurn, isDelta, textDeltas } from '../answer-deltas.ts';
import { EngineError } from '../engine-error.ts';
import { fail } from './failures.ts';
import type { Failure, JsonTemplate, Script, ScriptedCall, Step } from './script.ts';
import { situationOf } from './situation.ts';
import type { SpokenSteps } from './spoken-steps.ts';
import { fillTemplate, type Lookup } from './template.ts';

export interface ScriptedModelTools {
  clock: Clock;
  /** Cuts the client's connection. */
  drop: () => void;
  /** Receives the text to be spoken, for the voice's delays and failures. */
  spoken: SpokenSteps;
}

/** Answers according to a script. It is stateless between requests. */
export class ScriptedModel implements LanguageModel {
  readonly #script: Script;
  readonly #tools: ScriptedModelTools;

  constructor(script: Script, tools: ScriptedModelTools) {
    this.#script = script;
    this.#tools = tools;
  }

  /**
   * A call cut by the token limit has no `call_end`.
   * @throws {EngineError} when the script has no answer, or calls a tool that the session has not declared
   */
  async *generate(request: ModelRequest): AsyncGenerator<ModelEvent, void, undefined> {
    const { signal, claim } = request;
    signal.throwIfAborted();
    const { steps, lookup } = situationOf(this.#script, request.items);
    refuseUnknownTools(steps, request);
    const limit = request.maxOutputTokens === 'inf' ? Number.POSITIVE_INFINITY : request.maxOutputTokens;
    const made = { tokens: 0 };
    for (const step of steps) {
      const text = step.say === undefined ? '' : fillTemplate(step.say, lookup);
      this.#tools.spoken.expect(step, text, claim);
      const failure = step.failure?.kind === 'languageModel' ? step.failure : undefined;
      const before = made.tokens;
      for (const event of eventsOf(step, text, before > 0, lookup)) {
        const isToken = isDelta(event);
        if (isToken && failure && made.tokens - before === failure.after) return this.#fail(failure, signal, claim);
        if (isToken && made.tokens >= limit) return yield this.#finish(step, 'length');
        if (isToken || made.tokens === 0) await this.#wait(step, made.tokens, signal);
        if (isToken) made.tokens += 1;
        signal.throwIfAborted();
        yield event;
      }
      if (failure) return this.#fail(failure, signal, claim);
    }
    signal.throwIfAborted();
    const last = steps.at(-1);
    yield this.#finish(last, last?.finish ?? 'stop');
  }

  /** The delay before the first token, or between two. */
  async #wait(step: Step, tokens: number, signal: AbortSignal): Promise<void> {
    const name = tokens === 0 ? 'first-token' : 'between-tokens';
    await pause(step.delays[name] ?? this.#script.delays[name], this.#tools.clock, signal);
    if (tokens % deltasPerTurn === deltasPerTurn - 1) await nextTurn();
  }

  #fail(failure: Failure, signal: AbortSignal, claim: WorkClaim | undefined): Promise<void> {
    return fail(failure, signal, () => whenAdopted(claim, this.#tools.drop));
  }

  #finish(step: Step | undefined, reason: Step['finish']): ModelEvent {
    const usage = step?.usage ?? this.#script.usage;
    return { type: 'finish', reason, usage };
  }
}

function refuseUnknownTools(steps: readonly Step[], { tools, toolChoice }: ModelRequest): void {
  for (const { place, name } of steps.flatMap(({ calls }) => calls)) {
    const declared = tools.map((tool) => tool.name);
    if (toolChoice === 'none') {
      throw new EngineError('script', `${place}: this calls '${name}', but tool_choice is 'none'.`);
    }
    if (declared.includes(name)) continue;
    const known = declared.length === 0 ? 'none' : declared.join(', ');
    throw new EngineError(
      'script',
      `${place}: this calls '${name}', which the session does not declare. It declares: ${known}.`,
    );
  }
}

/** `joined`: the same answer already has text. */
function* eventsOf(step: Step, text: string, joined: boolean, lookup: Lookup): Generator<ModelEvent> {
  const spoken = joined && text !== '' ? ` ${text}` : text;
  yield* textDeltas(spoken);
  for (const call of step.calls) yield* callDeltas({ name: call.name, arguments: argumentsOf(call, lookup) });
}

function argumentsOf({ arguments: template }: ScriptedCall, lookup: Lookup): string {
  const value = fillJson(template, lookup);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function fillJson(template: JsonTemplate, lookup: Lookup): unknown {
  if (typeof template !== 'object' || template === null) return template;
  if (Array.isArray(template)) return template.map((each) => fillJson(each, lookup));
  if ('parts' in template) return fillTemplate(template, lookup);
  return Object.fromEntries(Array.from(template, ([key, value]) => [key, fillJson(value, lookup)]));
}
