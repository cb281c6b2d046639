/** Changes to an event as a value: what stands where, and under which name. */

import { oddKeys, oddNumbers, oddString, oddValue, withKey } from './oddities.ts';
import type { Random } from './random.ts';

interface Place {
  holder: object;
  key: string;
}

/** A copy of `event` with one to three changes. */
export function mutatedJson(random: Random, event: object): object {
  const copy = structuredClone(event);
  const changes = random.weighted([
    [6, 1],
    [3, 2],
    [1, 3],
  ]);
  for (let change = 0; change < changes; change++) mutateOnce(random, copy);
  return copy;
}

function mutateOnce(random: Random, root: object): void {
  const places = placesIn(root);
  const place = places.length === 0 ? undefined : random.pick(places);
  if (place === undefined) {
    withKey(root, random.pick(oddKeys), oddValue(random));
    return;
  }
  const { holder, key } = place;
  const value: unknown = Reflect.get(holder, key);
  const put = (replacement: unknown) => withKey(holder, key, replacement);
  random.weighted<() => unknown>([
    [5, () => put(oddValue(random))],
    [3, () => Reflect.deleteProperty(holder, key)],
    [2, () => withKey(holder, random.pick(oddKeys), oddValue(random))],
    [4, () => put(nearby(random, value))],
    [1, () => put([value])],
    [1, () => put({ [key]: value })],
    [1, () => withKey(holder, misspelt(random, key), value)],
    [2, () => swap(place, random.pick(places))],
    [1, () => put(structuredClone(Reflect.get(...spread(random.pick(places)))))],
    [1, () => repeat(random, value)],
  ])();
}

/** Like the value, and not quite it. */
function nearby(random: Random, value: unknown): unknown {
  if (typeof value === 'number') {
    return random.pick([
      value + 1,
      value - 1,
      -value,
      value * 10,
      value / 2,
      value + 0.5,
      String(value),
      random.pick(oddNumbers),
    ]);
  }
  if (typeof value === 'boolean') return random.pick([!value, String(value), Number(value)]);
  if (typeof value !== 'string') return oddValue(random);
  const at = random.integer(0, value.length);
  return random.weighted<() => string>([
    [2, () => value.slice(0, at)],
    [2, () => value.slice(0, at) + random.pick(['=', '-', ' ', '\n', '\u0000', 'é', '%', '"']) + value.slice(at + 1)],
    [1, () => value + value],
    [1, () => value.toUpperCase()],
    [1, () => ` ${value} `],
    [1, () => oddString(random)],
  ])();
}

function misspelt(random: Random, key: string): string {
  return random.pick([`${key}s`, key.slice(1), key.toUpperCase(), `${key}_`, key.replaceAll('_', ''), ` ${key}`]);
}

function swap(one: Place, other: Place): void {
  const first: unknown = Reflect.get(...spread(one));
  const second: unknown = Reflect.get(...spread(other));
  // One inside the other would make a ring, which JSON cannot say.
  withKey(one.holder, one.key, structuredClone(second));
  withKey(other.holder, other.key, structuredClone(first));
}

function repeat(random: Random, value: unknown): void {
  if (!Array.isArray(value) || value.length === 0 || value.length > 64) return;
  const elements = [...value];
  for (let times = random.pick([1, 2, 20]); times > 0; times--) value.push(...structuredClone(elements));
}

function spread({ holder, key }: Place): [object, string] {
  return [holder, key];
}

function placesIn(root: object): Place[] {
  const places: Place[] = [];
  const visit = (holder: object, depth: number) => {
    for (const [key, child] of Object.entries(holder)) {
      if (places.length >= 400) return;
      places.push({ holder, key });
      if (typeof child === 'object' && child !== null && depth < 50) visit(child, depth + 1);
    }
  };
  visit(root, 0);
  return places;
}
