import type { ModelEvent } from '../ports/language-model.ts';
import { textBounds } from '../speech/text-bounds.ts';
import { StageError } from '../stage.ts';
import { CallArguments } from './call-arguments.ts';
import type { ToolId, ToolNames } from './tool-names.ts';

type Unchecked = Exclude<ModelEvent, { type: 'thinking' }>;
type Call = Extract<ModelEvent, { type: 'call' }>;

/** An event of a model whose calls are validated, and name the tool as in the session. */
export type CheckedEvent = Exclude<Unchecked, Call> | (Call & ToolId);

/**
 * Validates the calls of a model, whose names and arguments may be anything: only tools of the request are called,
 * under the client's names, and the arguments of each complete call are one JSON object.
 */
export class ToolCallCheck {
  readonly #names: ToolNames;
  #call: { name: string; arguments: CallArguments } | undefined;

  constructor(names: ToolNames) {
    this.#names = names;
  }

  /**
   * The events that replace this one.
   * @throws {StageError} for a call that cannot be sent to a client
   */
  check(event: Unchecked): CheckedEvent[] {
    switch (event.type) {
      case 'call':
        return [...this.#end(), this.#begin(event)];
      case 'call_arguments':
        return this.#add(event.delta);
      case 'call_end':
        return this.#end();
      case 'finish':
        // A call truncated by a limit remains incomplete.
        return event.reason === 'stop' ? [...this.#end(), event] : [event];
      default:
        return [event];
    }
  }

  #begin(event: Call): CheckedEvent {
    const tool = this.#names.fromEngine(event.name);
    if (tool === undefined) throw callFault(`it called the tool ${quote(event.name)}, ${this.#toolsText()}`);
    this.#call = { name: tool.name, arguments: new CallArguments() };
    return { ...event, ...tool };
  }

  #add(delta: string): CheckedEvent[] {
    const call = this.#call;
    if (!call) throw callFault('it sent arguments without a call');
    const certain = call.arguments.push(delta);
    if (call.arguments.tooLong) {
      throw callFault(
        `it called the tool ${quote(call.name)} with more than ${textBounds.arguments} characters of arguments`,
      );
    }
    return certain === '' ? [] : [{ type: 'call_arguments', delta: certain }];
  }

  #end(): CheckedEvent[] {
    const call = this.#call;
    if (!call) return [];
    this.#call = undefined;
    const rest = call.arguments.finish();
    if (rest === undefined) {
      throw callFault(
        `it called the tool ${quote(call.name)} with arguments that are not one JSON object: ${call.arguments.excerpt}`,
      );
    }
    return [...(rest === '' ? [] : [{ type: 'call_arguments' as const, delta: rest }]), { type: 'call_end' }];
  }

  #toolsText(): string {
    const { declared } = this.#names;
    if (declared.length === 0) return 'and the session has no tools';
    const listed = declared.slice(0, 8).map(quote).join(', ');
    return `which the session does not have. It has ${listed}${declared.length > 8 ? ' and others' : ''}`;
  }
}

function callFault(what: string): StageError {
  return new StageError('languageModel', 'failed', `The language model failed: ${what}.`);
}

function quote(name: string): string {
  const line = name.slice(0, 64).replaceAll(/[\p{C}\s]+/gu, ' ');
  return `'${name.length > 64 ? `${line}…` : line}'`;
}
