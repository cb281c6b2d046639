/** Fills a tool's arguments, as its JSON schema wants them, from the words of a request. */

import type { Calendar } from './calendar.ts';
import { Phrases } from './phrases.ts';
import { bounded, contentStems, splitWords, stem } from './words.ts';

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

/** The nearest number that the schema allows to `found`, or else to its default. */
function inRange(schema: Schema, found: number | undefined): number {
  const step = numberOf(schema.multipleOf) ?? (/integer/.test(String(schema.type)) ? 1 : 0);
  const above = numberOf(schema.exclusiveMinimum);
  const below = numberOf(schema.exclusiveMaximum);
  const least = numberOf(schema.minimum) ?? (above === undefined ? undefined : above + (step || 1e-6));
  const most = numberOf(schema.maximum) ?? (below === undefined ? undefined : below - (step || 1e-6));
  const wanted = found ?? numberOf(schema.default) ?? least ?? 0;
  const value = Math.max(Math.min(wanted, most ?? Number.MAX_SAFE_INTEGER), least ?? Number.MIN_SAFE_INTEGER);
  if (!(step > 0)) return value;
  const stepped = Math.round(value / step) * step;
  if (least !== undefined && stepped < least) return Math.ceil(least / step) * step;
  return most !== undefined && stepped > most ? Math.floor(most / step) * step : stepped;
}

class Filler {
  readonly #root: unknown;
  readonly #phrases: Phrases;
  readonly #calendar: Calendar;
  #left = MOST_PROPERTIES;

  constructor(root: unknown, request: string, known: ReadonlySet<string>, calendar: Calendar) {
    this.#root = root;
    this.#phrases = new Phrases(request, known);
    this.#calendar = calendar;
  }

  /** The value for one schema; undefined for an optional one that the request does not mention. */
  fill(given: unknown, name: string, required: boolean, depth: number): unknown {
    const schema = this.#resolve(given);
    if ('const' in schema) return schema.const;
    if (Array.isArray(schema.enum) && schema.enum.length > 0) return this.#choose(schema, schema.enum, required);
    const types = Array.isArray(schema.type) ? schema.type : [schema.type];
    const type = types.find((candidate) => candidate !== 'null') ?? types[0];
    if (type === 'object' || (type === undefined && isRecord(schema.properties))) {
      return required || depth === 0 ? this.object(schema, depth) : undefined;
    }
    if (type === 'array') return this.#array(schema, name, required, depth);
    if (type === 'number' || type === 'integer') return this.#number(schema, name, required);
    if (type === 'boolean') return this.#boolean(schema, name, required);
    if (type === 'null') return null;
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
      const property = this.#resolve(Object.hasOwn(properties, name) ? properties[name] : {});
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

  /** Follows local references, and takes the first of alternatives. */
  #resolve(given: unknown, depth = 0): Schema {
    if (!isRecord(given)) return {};
    if (depth > DEEPEST) return given;
    if (typeof given.$ref === 'string') {
      let target: unknown = this.#root;
      for (const key of given.$ref.replace(/^#\/?/, '').split('/').slice(0, 10)) {
        const step = key.replace(/~1/g, '/').replace(/~0/g, '~');
        target = isRecord(target) && Object.hasOwn(target, step) ? target[step] : undefined;
      }
      return this.#resolve(target, depth + 1);
    }
    const alternatives = [given.anyOf, given.oneOf].find((list) => Array.isArray(list) && list.length > 0);
    if (Array.isArray(alternatives)) {
      const { anyOf: _any, oneOf: _one, ...rest } = given;
      const chosen = alternatives.find((option) => !isRecord(option) || option.type !== 'null');
      return { ...rest, ...this.#resolve(chosen, depth + 1) };
    }
    if (!Array.isArray(given.allOf)) return given;
    const parts = given.allOf.slice(0, 10).map((part) => this.#resolve(part, depth + 1));
    const properties = Object.assign({}, given.properties, ...parts.map((part) => part.properties));
    const required = [given, ...parts].flatMap((part) => (Array.isArray(part.required) ? part.required : []));
    return Object.assign({}, ...parts, given, { properties, required });
  }

  #choose(schema: Schema, values: readonly unknown[], required: boolean): unknown {
    const matched = values
      .slice(0, 200)
      .find((value) => typeof value !== 'object' && this.#phrases.takeWords(String(value)));
    if (matched !== undefined || !required) return matched;
    return schema.default !== undefined && values.includes(schema.default) ? schema.default : values[0];
  }

  #number(schema: Schema, name: string, required: boolean): number | undefined {
    const found = this.#phrases.takeNumber(new Set(splitWords(name).map(stem)), required);
    return found === undefined && !required ? undefined : inRange(schema, found);
  }

  #boolean(schema: Schema, name: string, required: boolean): boolean | undefined {
    const stems = contentStems(name);
    const { words } = this.#phrases;
    const at = this.#phrases.indexOf(stems);
    const negated = (index: number) =>
      words.slice(Math.max(0, index - 3), index).some((word) => /^(?:no|not|without|don't|never|disable)$/.test(word));
    if (at >= 0) return !negated(at) && !words.includes('off');
    if (!required) return undefined;
    if (typeof schema.default === 'boolean') return schema.default;
    return !words.some((word) => /^(?:off|not|no|disable|stop|without|don't)$/.test(word));
  }

  #array(schema: Schema, name: string, required: boolean, depth: number): unknown[] | undefined {
    const most = Math.max(0, Math.min(numberOf(schema.maxItems) ?? MOST_ITEMS, MOST_ITEMS));
    const least = Math.min(numberOf(schema.minItems) ?? 0, most);
    const items = this.#resolve(schema.items);
    const values: unknown[] = [];
    const next = () => {
      if (Array.isArray(items.enum)) {
        const others = items.enum.filter((value) => !values.includes(value));
        return this.#choose(items, others, false);
      }
      if (isNumeric(items)) {
        const found = this.#phrases.takeNumber(new Set(), required);
        return found === undefined ? undefined : inRange(items, found);
      }
      if (values.length === 0) return this.fill(items, name, required, depth + 1);
      return items.type === 'string' ? this.#phrases.takeNext() : undefined;
    };
    while (values.length < most) {
      const value = next();
      if (value === undefined) break;
      values.push(value);
    }
    while (values.length < least) values.push(this.fill(items, name, true, depth + 1) ?? null);
    return values.length > 0 || required ? values : undefined;
  }

  #string(schema: Schema, name: string, required: boolean): string | undefined {
    const value = this.#formatted(schema, name, required) ?? this.#free(schema, name, required);
    if (value === undefined) return undefined;
    const most = numberOf(schema.maxLength);
    return (most === undefined ? value : bounded(value, Math.max(0, most))).padEnd(
      Math.min(numberOf(schema.minLength) ?? 0, 100),
      '-',
    );
  }

  #formatted(schema: Schema, name: string, required: boolean): string | undefined {
    const { text } = this.#phrases;
    const format = schema.format;
    const or = (found: RegExpExecArray | null, otherwise: string) => found?.[0] ?? (required ? otherwise : undefined);
    if (format === 'email')
      return or(/[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}/.exec(text), 'someone@example.com');
    if (format === 'uri' || format === 'url')
      return or(/https?:\/\/[^\s"<>]{1,500}/i.exec(text), 'https://example.com/');
    if (format === 'uuid')
      return or(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/i.exec(text), '00000000-0000-4000-8000-000000000000');
    if (format !== 'date' && format !== 'time' && format !== 'date-time') return undefined;
    const phrase = this.#phrases.takeAfter(['when']) ?? (required ? text : undefined);
    if (phrase === undefined) return undefined;
    const [date, time] = [this.#calendar.isoDate(`${phrase} ${text}`), `${this.#calendar.isoTime(text)}Z`];
    if (name === '' || format === 'date-time') return `${date}T${time}`;
    return format === 'date' ? date : time;
  }

  #free(schema: Schema, name: string, required: boolean): string | undefined {
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
export function fillArguments(
  parameters: unknown,
  request: string,
  known: ReadonlySet<string>,
  calendar: Calendar,
): string {
  const filler = new Filler(parameters, request, known, calendar);
  const value = filler.fill(isRecord(parameters) ? { type: 'object', ...parameters } : { type: 'object' }, '', true, 0);
  return JSON.stringify(isRecord(value) ? value : {});
}
