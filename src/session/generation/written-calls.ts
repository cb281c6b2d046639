/**
 * Tool calls that a model has written as text, because its server does not parse them. Forms: JSON with a name
 * (Hermes, Qwen, Granite, Llama), a name before JSON (Mistral, DeepSeek, Kimi K2, harmony), and parameters in tags
 * (Qwen3-Coder, MiniMax, GLM).
 */

import type { ModelEvent, ModelRequest, ModelTool } from '../ports/language-model.ts';
import { JsonObjectScanner } from './json-object-scanner.ts';

interface WrittenCall {
  name: string;
  /** JSON, in the model's own words. */
  arguments?: string;
  /** By name, as text, from tags. */
  parameters?: Map<string, string>;
  /** Whether a tag gives the name, so that a call without arguments is clear too. */
  tagged: boolean;
}

/** Maximum number of calls in one answer. */
const maxCalls = 128;

const toolName = '[\\w.:-]{1,128}';
const namedTag = new RegExp(`<function=(${toolName})>|<invoke\\s+name="(${toolName})"\\s*>|to=(${toolName})`, 'iy');
const parameter = /<parameter(?:=|\s+name=)"?([\w.-]{1,128})"?\s*>/iy;
const argument = /<arg_key>\s*([\w.-]{1,128})\s*<\/arg_key>\s*<arg_value>/iy;
/** Marks, code fences, and the brackets of lists. */
const mark = /\s+|\[CALL_ID\]\w{0,64}|\[\/?[A-Z_]{3,16}\]|<[^<>{}"]{1,96}>|```(?:json)?|[,;[\]]/iy;
const word = new RegExp(toolName, 'y');
/** Words of templates beside a name. */
const templateWords = /^(?:function|json|commentary|assistant|channel)$/i;

export type WrittenCallEvent = Extract<ModelEvent, { type: 'call' | 'call_arguments' | 'call_end' }>;

/**
 * The calls in text that consists of calls and their marks, as events. None if the text holds anything else or a call
 * without a name, or if the model was not to call tools. Names and arguments are not validated.
 */
export function readWrittenCalls(
  text: string | undefined,
  { tools, toolChoice }: Pick<ModelRequest, 'tools' | 'toolChoice'>,
): WrittenCallEvent[] {
  if (text === undefined || tools.length === 0 || toolChoice === 'none') return [];
  try {
    const calls = new CallReader(text, tools).read() ?? [];
    return calls.flatMap((call): WrittenCallEvent[] => [
      { type: 'call', name: call.name },
      { type: 'call_arguments', delta: call.arguments ?? argumentsOf(call, tools) },
      { type: 'call_end' },
    ]);
  } catch {
    // Brackets so deep that writing them overflows the stack.
    return [];
  }
}

class CallReader {
  readonly #text: string;
  readonly #tools: readonly ModelTool[];
  readonly #calls: WrittenCall[] = [];
  #at = 0;

  constructor(text: string, tools: readonly ModelTool[]) {
    this.#text = text;
    this.#tools = tools;
  }

  read(): WrittenCall[] | undefined {
    while (this.#at < this.#text.length) {
      if (!this.#readNext() || this.#calls.length > maxCalls) return undefined;
    }
    const whole = this.#calls.every((call) => call.tagged || call.arguments !== undefined || call.parameters);
    return whole && this.#calls.length > 0 ? this.#calls : undefined;
  }

  /** Reads the next part; false if it is not part of a call. */
  #readNext(): boolean {
    if (this.#text.charAt(this.#at) === '{') return this.#readObject();
    const named = this.#match(namedTag);
    if (named) return this.#begin(named[1] ?? named[2] ?? named[3] ?? '', true);
    const inTag = this.#match(parameter);
    if (inTag) return this.#readParameter(inTag[1] ?? '', '</parameter>');
    const inPair = this.#match(argument);
    if (inPair) return this.#readParameter(inPair[1] ?? '', '</arg_value>');
    if (this.#match(mark)) return true;
    const [name = ''] = this.#match(word) ?? [];
    return templateWords.test(name) || (this.#isTool(name) && this.#begin(name, false));
  }

  #begin(written: string, tagged: boolean): boolean {
    const name = nameIn(written);
    const open = this.#open;
    if (open !== undefined && !open.tagged) return false;
    // Harmony may name the recipient in both parts of a message's head.
    if (open?.name !== name || open.parameters) this.#calls.push({ name, tagged });
    return true;
  }

  /** Whether a word names a tool, perhaps with a namespace and a number. Words without a tag may be anything. */
  #isTool(written: string): boolean {
    const name = nameIn(written);
    return this.#tools.some((tool) => name === tool.name || name.endsWith(`.${tool.name}`));
  }

  /** An object: the arguments of the named call, or a call with its name. */
  #readObject(): boolean {
    const scanner = new JsonObjectScanner();
    scanner.push(this.#text.slice(this.#at));
    if (scanner.end === 0) return false;
    const object = this.#text.slice(this.#at, this.#at + scanner.end);
    this.#at += scanner.end;
    const open = this.#open;
    if (open === undefined) return this.#readNamed(JSON.parse(object));
    if (open.parameters) return false;
    open.arguments = object;
    return true;
  }

  #readNamed(value: Readonly<Record<string, unknown>>): boolean {
    const { function: inner = value } = value;
    const call = isObject(inner) ? inner : { ...value, name: inner };
    const { name, arguments: args = call.parameters ?? {} } = call;
    if (typeof name !== 'string' || name === '') return false;
    this.#calls.push({ name, arguments: typeof args === 'string' ? args : JSON.stringify(args), tagged: false });
    return true;
  }

  #readParameter(name: string, end: string): boolean {
    const open = this.#open;
    const to = this.#text.indexOf(end, this.#at);
    if (open === undefined || to < 0) return false;
    open.parameters ??= new Map();
    open.parameters.set(name, this.#text.slice(this.#at, to).replace(/^\n/, '').replace(/\n$/, ''));
    this.#at = to + end.length;
    return true;
  }

  /** The last call, while it has no arguments. */
  get #open(): WrittenCall | undefined {
    const last = this.#calls.at(-1);
    return last?.arguments === undefined ? last : undefined;
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#at = pattern.lastIndex;
    return found ?? undefined;
  }
}

/** The JSON of parameters that were written as text: values are strings where the schema of the tool says so. */
function argumentsOf({ name, parameters = new Map() }: WrittenCall, tools: readonly ModelTool[]): string {
  const schema = tools.find((tool) => tool.name === name)?.parameters;
  const properties = isObject(schema) && isObject(schema.properties) ? schema.properties : {};
  const read = ([key, text]: [string, string]): [string, unknown] => [key, readValue(text, properties[key])];
  return JSON.stringify(Object.fromEntries(Array.from(parameters, read)));
}

function readValue(text: string, property: unknown): unknown {
  if (isObject(property) && property.type === 'string') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Kimi K2 numbers its calls: `functions.look_up:0`. */
function nameIn(written: string): string {
  return written.replace(/:\d+$/, '');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
