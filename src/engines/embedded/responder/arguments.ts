/**
 * Fills a tool's arguments from the words of a request: enums, numbers, booleans, strings, lists of these, and objects.
 * References, formats and finer constraints of JSON Schema are ignored.
 */

import { isJsonObject } from '../../../core/json.ts';
import type { ModelTool } from '../../../session/ports/language-model.ts';
import { Phrases } from './phrases.ts';
import { contentStems, isStopWord, normalize, readableName, splitWords, stem } from './words.ts';

type Schema = Readonly<Record<string, unknown>>;

const MOST_PROPERTIES = 200;
const DEEPEST = 6;
const MOST_VALUES = 200;
/** Budget for all the arguments of one answer, in words of the request that are examined: about 50 ms. */
const MOST_WORK = 100_000;
/** Cost of a property regardless of the request's length, and of an alternative by its characters. */
const PROPERTY_WORK = 50;
const CHARACTERS_PER_WORK = 4;
/** Cost of a character of the arguments: each delta is an event for the client. */
const WORK_PER_CHARACTER = 4;

/**
 * The meaning of a property, by a word of its name or description; the words that precede its value; whether that value
 * is a whole clause.
 */
const LEADS: readonly (readonly [about: RegExp, cues: string, long?: true])[] = [
  [/^(?:origin|sourc|from|departur|start)$/, 'from'],
  [/^(?:destination|arrival|target)$/, 'to into'],
  [/^(?:location|city|plac|country|where|address|region|area|town|room)$/, 'in near at to from for of'],
  [/^(?:dat|day|when|deadlin|du)$/, 'when on for'],
  [/^(?:tim|hour)$/, 'at when'],
  [/^(?:messag|text|body|content|not|reminder|titl|task)$/, 'saying that to about', true],
  [/^(?:query|question|search|keyword|topic|subject|term|prompt|expression)$/, 'about for', true],
  [/^(?:to|recipient|person|contact|nam|who|customer|user)$/, 'to called named for with of'],
];
/** Properties that may contain the whole request. */
const WHOLE = /^(?:query|question|search|prompt|input|request|messag|text|expression|utteranc)$/;
/** Properties whose number needs no name in the request. */
const COUNT = /^(?:count|quantity|amount)$/i;
/** Words of refusal. */
const REFUSAL = /^(?:no|not|off|without|never|disable|stop|don't)$/;
/** Words before the answer to a question: `It's in Paris`, `my name is Ada`. */
const BEFORE_ANSWER =
  /^(?:(?:um|uh|well|please|make it|it's|it is|that's|that is|i'm|i am|i live|my [\p{L}]{1,30} is|in|at|on|to|for|from|an?|the(?! \p{Lu}))[, ]+)+/iu;

const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;
const isNumeric = (schema: Schema) => /number|integer/.test(String(schema.type));

/** A schema without the alternative `null`. */
function resolved(given: unknown): Schema {
  if (!isJsonObject(given)) return {};
  const alternatives = [given.anyOf, given.oneOf].find((list) => Array.isArray(list));
  const chosen: unknown = alternatives?.find((option) => isJsonObject(option) && option.type !== 'null');
  return isJsonObject(chosen) ? { ...given, ...chosen } : given;
}

export interface ToolCall {
  name: string;
  /** JSON. */
  arguments: string;
  /** The question to ask first if a required argument is missing. */
  question: string | undefined;
}

/** Work that remains for the answer; arguments that exceed it are left out. */
export interface WorkBudget {
  left: number;
}

export const newBudget = (): WorkBudget => ({ left: MOST_WORK });

interface Wish {
  budget: WorkBudget;
  text: string;
  /** The stems by which the tool was selected. */
  known: ReadonlySet<string>;
  /** Whether the call must be made even if arguments are missing. */
  forced: boolean;
  /** The user's answers to earlier questions. */
  answers: ReadonlyMap<string, string>;
}

class Filler {
  readonly #wish: Wish;
  readonly #phrases: Phrases;
  question: string | undefined;

  /** `names` are those of the properties, whose words cannot be values. */
  constructor(wish: Wish, names: readonly string[]) {
    this.#wish = wish;
    this.#phrases = new Phrases(wish.text, wish.known.union(contentStems(names.join(' '))));
  }

  object(schema: Schema, depth: number): Record<string, unknown> {
    const properties = new Map(isJsonObject(schema.properties) ? Object.entries(schema.properties) : []);
    const listed: unknown[] = Array.isArray(schema.required) ? schema.required : [];
    const required = new Set(listed.filter((key) => typeof key === 'string'));
    const names = [...required.union(new Set(properties.keys()))].slice(0, depth < DEEPEST ? MOST_PROPERTIES : 0);
    // Unambiguous types come first, so that free text does not take their words.
    const order = (name: string) => {
      const property = resolved(properties.get(name));
      const sure = property.enum !== undefined || property.type === 'boolean';
      return (sure ? 0 : isNumeric(property) ? 2 : 4) + (required.has(name) ? 0 : 1);
    };
    const filled = new Map<string, unknown>();
    for (const name of names.toSorted((a, b) => order(a) - order(b))) {
      if (!this.#spend(PROPERTY_WORK)) break;
      const value = this.#fill(resolved(properties.get(name)), name, required.has(name), depth + 1);
      if (typeof value === 'string') this.#spend(value.length * WORK_PER_CHARACTER);
      filled.set(name, value);
    }
    return Object.fromEntries(names.map((name) => [name, filled.get(name)]));
  }

  /** Spends `work` plus the cost of a search through the request; false if the budget is exhausted. */
  #spend(work: number): boolean {
    const { budget } = this.#wish;
    budget.left -= work + this.#phrases.words.length;
    return budget.left >= 0;
  }

  #takes(value: unknown): boolean {
    const characters = typeof value === 'string' ? value.length : 0;
    return this.#spend(characters / CHARACTERS_PER_WORK) && this.#phrases.takeWords(value);
  }

  /** The value for a schema; undefined for an optional one that the request does not mention. */
  #fill(schema: Schema, name: string, required: boolean, depth: number): unknown {
    if (Array.isArray(schema.enum) && schema.enum.length > 0) {
      const chosen = schema.enum.slice(0, MOST_VALUES).find((value) => this.#takes(value));
      return chosen ?? (required ? schema.enum[0] : undefined);
    }
    const type = [schema.type].flat().find((candidate) => candidate !== 'null');
    if (type === 'object') return required ? this.object(schema, depth) : undefined;
    if (type === 'array') return this.#array(resolved(schema.items), required);
    if (isNumeric(schema)) return this.#number(schema, name, required);
    if (type !== 'boolean') return this.#string(schema, name, required);
    const mentioned = required || this.#phrases.stems.some((word) => contentStems(name).has(word));
    return mentioned ? !this.#phrases.words.some((word) => REFUSAL.test(word)) : undefined;
  }

  /** Optional lists are only filled from an enum. */
  #array(items: Schema, required: boolean): unknown[] | undefined {
    if (Array.isArray(items.enum)) {
      const chosen = items.enum.slice(0, MOST_VALUES).filter((value) => this.#takes(value));
      return required || chosen.length > 0 ? chosen : undefined;
    }
    if (!required) return undefined;
    if (isNumeric(items)) return this.#phrases.takeNumbers();
    return items.type === 'string' ? this.#phrases.takeItems() : [];
  }

  #number(schema: Schema, name: string, required: boolean): number | undefined {
    const words = splitWords(name);
    const counts = words.some((word) => COUNT.test(word));
    const found = this.#phrases.takeNumber(words.map(stem), required || counts);
    if (found === undefined && !required) return undefined;
    const least = numberOf(schema.minimum);
    const question = counts ? 'How many?' : `${/s$/.test(name) ? 'How many' : 'Which'} ${labelOf(name)}?`;
    const asked = () => this.#ask(question, (answer) => new Phrases(answer, new Set()).takeNumber());
    const wanted = found ?? numberOf(schema.default) ?? least ?? asked() ?? 0;
    const value = Math.max(Math.min(wanted, numberOf(schema.maximum) ?? wanted), least ?? -Infinity);
    return schema.type === 'integer' ? Math.round(value) : value;
  }

  #string(schema: Schema, name: string, required: boolean): string | undefined {
    const words = splitWords(name).map(stem);
    const about = typeof schema.description === 'string' ? splitWords(schema.description).slice(0, 12).map(stem) : [];
    const [lead] = [words, about].flatMap((list) =>
      LEADS.filter(([pattern]) => list.some((word) => pattern.test(word))),
    );
    const [, cue = '', long = false] = lead ?? [];
    const cues = cue.match(/\w+/g) ?? [];
    const mentioned =
      (long ? this.#phrases.quotes.shift() : undefined) ??
      this.#phrases.takeNamed(words.filter((word) => word !== 'id')) ??
      this.#phrases.takeAfter(required ? cues : cues.slice(0, 2), long);
    if (mentioned !== undefined || !required) return mentioned;
    if (typeof schema.default === 'string') return schema.default;
    const { text } = this.#phrases;
    const whole = words.some((word) => WHOLE.test(word));
    if (whole && this.#phrases.hasRest()) return text;
    const rest = this.#phrases.takeAfter() ?? this.#phrases.takeRest() ?? this.#phrases.quotes.shift();
    const read = (answer: string) => answer.replace(BEFORE_ANSWER, '') || undefined;
    const found = rest ?? this.#ask(`Which ${labelOf(name)}?`, read);
    if (found !== undefined) return found.replace(/(?:,? please)?[.!]*$/i, '');
    const content = splitWords(text).filter((word) => !isStopWord(word));
    return whole ? text : content.join(' ') || text;
  }

  /**
   * The result of `read` for the answer to a question. Without a result the question is asked (again), unless the call
   * is forced.
   */
  #ask<T>(question: string, read: (answer: string) => T | undefined): T | undefined {
    const found = read(normalize(this.#wish.answers.get(question) ?? ''));
    if (found === undefined && !this.#wish.forced) this.question ??= question;
    return found;
  }
}

/** A property's name in spoken form: `customer_id` becomes `customer`. */
const labelOf = (name: string) => readableName(name).replace(/ (?:id|name)$/, '') || 'value';

/**
 * A call whose arguments are an object with every required property, and the optional ones that the request mentions.
 * A malformed schema is treated as empty.
 */
export function fillArguments({ name, parameters }: ModelTool, wish: Wish): ToolCall {
  const schema = isJsonObject(parameters) ? parameters : {};
  const filler = new Filler(wish, isJsonObject(schema.properties) ? Object.keys(schema.properties) : []);
  const filled = filler.object(schema, 0);
  return { name, arguments: JSON.stringify(filled), question: filler.question };
}
