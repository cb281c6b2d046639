/** Formats values for error messages. */

/** `'a'`, `'a' and 'b'`, `'a', 'b', and 'c'`. */
export function quotedList(values: readonly string[]): string {
  const quoted = values.map((value) => `'${value}'`);
  const last = quoted.pop() ?? '';
  if (quoted.length === 0) return last;
  return `${quoted.join(', ')}${quoted.length > 1 ? ',' : ''} and ${last}`;
}

/** In minutes if they are whole: `60 minutes`, `1 minute`, `90 seconds`. */
export function spokenDuration(seconds: number): string {
  const [count, unit] = seconds % 60 === 0 ? [seconds / 60, 'minute'] : [seconds, 'second'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** The first three and last four characters of a key, if it is long enough to keep the rest secret. */
export function redactKey(key: string): string {
  return key.length >= 16 ? `${key.slice(0, 3)}…${key.slice(-4)}` : '…';
}

export function shorten(text: string, limit: number): string {
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

export function describeValue(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return `'${text.length > 80 ? `${text.slice(0, 80)}…` : text}'`;
}

/** A list as the hosted service prints it: `['audio', 'text']`. */
export function pythonList(values: readonly unknown[]): string {
  return `[${values.slice(0, 8).map(describeValue).join(', ')}]`;
}
