/**
 * Fills a tool's arguments from the words of a request: enums, numbers, booleans, strings, and lists and objects of them.
 * References, formats and finer bounds of JSON Schema are not heeded.
 */

import { Phrases } from './phrases.ts';
import { contentStems, splitWords, stem } from './words.ts';

type Schema = Readonly<Record<string, unknown>>;

const MOST_PROPERTIES = 64;
const DEEPEST = 6;
const MOST_ITEMS = 20;

/** What a property is about, by the words of its name or description, and the words that lead to its value. */
const LEADS: readonly { about: RegExp; cues: readonly string[]; long?: true }[] = [
  { about: /^(?:origin|source|from|departur|start)$/, cues: ['from'] },
  { about: /^(?:destination|arrival|target)$/, cues: ['to', 'into'] },
  {
    about: /^(?:location|city|place|country|where|address|region|area|town|room)$/,
    cues: ['in', 'near', 'at', 'to', 'from', 'for', 'of'],
  },
  { about: /^(?:date|day|when|deadlin|du)$/, cues: ['when', 'on', 'for'] },
  { about: /^(?:tim|hour)$/, cues: ['at', 'when'] },
  {
    about: /^(?:messag|text|body|content|note|reminder|titl|task)$/,
    cues: ['saying', 'that', 'to', 'about'],
    long: true,
  },
  {
    about: /^(?:query|question|search|keyword|topic|subject|term|prompt|expression)$/,
    cues: ['about', 'for'],
    long: true,
  },
  {
    about: /^(?:to|recipient|person|contact|nam|who|customer|user)$/,
    cues: ['to', 'called', 'named', 'for', 'with', 'of'],
  },
];
/** A property that may hold the whole request. */
const WHOLE = /^(?:query|question|search|prompt|input|request|messag|text|expression|utteranc)$/;

const isRecord = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

const isNumeric = (schema: Schema) => /number|integer/.test(String(schema.type));

/** The words that say no. */
const REFUSAL = /^(?:no|not|off|without|never|disable|stop|don't)$/;

/** A schema without the alternative `null`. */
function resolved(given: unknown): Schema {
  if (!isRecord(given)) return {};
  const alternatives = [given.anyOf, given.oneOf].find((list) => Array.isArray(list));
  const chosen: unknown = alternatives?.find((option) => isRecord(option) && option.type !== 'null');
  return isRecord(chosen) ? { ...given, ...chosen } : given;
}

class Filler {
  readonly #phrases: Phrases;
  #left = MOST_PROPERTIES;

  constructor(request: string, known: ReadonlySet<string>) {
    this.#phrases = new Phrases(request, known);
  }

  /** The value for one schema; undefined for an optional one that the request does not mention. */
  fill(given: unknown, name: string, required: boolean, depth: number): unknown {
    const schema = resolved(given);
    if (Array.isArray(schema.enum) && schema.enum.length > 0) return this.#choose(schema.enum, required);
    const type = [schema.type].flat().find((candidate) => candidate !== 'null');
    if (type === 'object') return required ? this.object(schema, depth) : undefined;
    if (type === 'array') return this.#array(schema, name, required, depth);
    if (type === 'number' || type === 'integer') return this.#number(schema, name, required);
    if (type === 'boolean') return this.#boolean(name, required);
    return this.#string(schema, name, required);
  }

  object(schema: Schema, depth: number): Record<string, unknown> {
    const properties = isRecord(schema.properties) ? schema.properties : {};
    const required = new Set(
      Array.isArray(schema.required) ? schema.required.filter((key) => typeof key === 'string') : [],
    );
    const names = [...new Set([...required, ...Object.keys(properties)])];
    if (depth >= DEEPEST) return {};
    const filled = new Map<string, unknown>();
    // What can be told apart surely comes first, so that free text does not take its words.
    const order = (name: string) => {
      const property = resolved(Object.hasOwn(properties, name) ? properties[name] : {});
      const open = property.enum === undefined && property.type !== 'boolean';
      return (open ? (isNumeric(property) ? 2 : 4) : 0) + (required.has(name) ? 0 : 1);
    };
    for (const name of names.toSorted((a, b) => order(a) - order(b))) {
      if (this.#left <= 0 && !required.has(name)) continue;
      this.#left -= 1;
      const property = Object.hasOwn(properties, name) ? properties[name] : {};
      const value = this.fill(property, name, required.has(name), depth + 1);
      if (value !== undefined) filled.set(name, value);
    }
    return Object.fromEntries(names.filter((name) => filled.has(name)).map((name) => [name, filled.get(name)]));
  }

  #choose(values: readonly unknown[], required: boolean): unknown {
    const matched = values
      .slice(0, 200)
      .find((value) => typeof value !== 'object' && this.#phrases.takeWords(String(value)));
    return matched ?? (required ? values[0] : undefined);
  }

  #number(schema: Schema, name: string, required: boolean): number | undefined {
    const found = this.#phrases.takeNumber(new Set(splitWords(name).map(stem)), required);
    if (found === undefined && !required) return undefined;
    const least = numberOf(schema.minimum);
    const wanted = found ?? numberOf(schema.default) ?? least ?? 0;
    const value = Math.max(Math.min(wanted, numberOf(schema.maximum) ?? wanted), least ?? -Infinity);
    return schema.type === 'integer' ? Math.round(value) : value;
  }

  #boolean(name: string, required: boolean): boolean | undefined {
    if (!required && this.#phrases.indexOf(contentStems(name)) < 0) return undefined;
    return !this.#phrases.words.some((word) => REFUSAL.test(word));
  }

  #array(schema: Schema, name: string, required: boolean, depth: number): unknown[] | undefined {
    const items = resolved(schema.items);
    const values: unknown[] = [];
    const next = () => {
      if (Array.isArray(items.enum)) {
        return this.#choose(
          items.enum.filter((value) => !values.includes(value)),
          false,
        );
      }
      if (isNumeric(items)) return this.#phrases.takeNumber(new Set(), required);
      if (values.length === 0) return this.fill(items, name, required, depth + 1);
      return items.type === 'string' ? this.#phrases.takeNext() : undefined;
    };
    while (values.length < MOST_ITEMS) {
      const value = next();
      if (value === undefined) break;
      values.push(value);
    }
    return values.length > 0 || required ? values : undefined;
  }

  #string(schema: Schema, name: string, required: boolean): string | undefined {
    const words = splitWords(name).map(stem);
    const about = typeof schema.description === 'string' ? splitWords(schema.description).slice(0, 12).map(stem) : [];
    const lead =
      LEADS.find((candidate) => words.some((word) => candidate.about.test(word))) ??
      LEADS.find((candidate) => about.some((word) => candidate.about.test(word)));
    const long = lead?.long === true;
    const mentioned =
      (long ? this.#phrases.takeQuote() : undefined) ??
      this.#phrases.takeNamed(new Set(words.filter((word) => word !== 'id'))) ??
      (lead && this.#phrases.takeAfter(required ? lead.cues : lead.cues.slice(0, 2), long));
    if (mentioned !== undefined || !required) return mentioned;
    if (typeof schema.default === 'string') return schema.default;
    const { text } = this.#phrases;
    if (text && words.some((word) => WHOLE.test(word))) return text;
    return this.#phrases.takeAfter() ?? this.#phrases.takeRest() ?? this.#phrases.takeQuote() ?? text;
  }
}

/**
 * The arguments as JSON: an object with every required property, and the optional ones that the request mentions.
 * `known` are the stems that chose the tool. A malformed schema counts as one that asks for nothing.
 */
export function fillArguments(parameters: unknown, request: string, known: ReadonlySet<string>): string {
  return JSON.stringify(new Filler(request, known).object(isRecord(parameters) ? parameters : {}, 0));
}
