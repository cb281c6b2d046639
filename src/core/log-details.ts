/** Bounds the size of a log entry's details, which may contain data from clients, engines and upstreams. */

const longestText = 512;
const longestName = 128;
const longestStack = 4096;
const mostEntries = 16;
const mostFields = 32;
const deepest = 4;

/** A copy with long strings, long lists and deep values cut, and without the properties that libraries add to errors. */
export function boundedDetails(details: object): object {
  const bounded = boundedValue(details, 0);
  return typeof bounded === 'object' && bounded !== null ? bounded : {};
}

function boundedValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return shortened(value, longestText);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return boundedError(value, depth);
  if (depth >= deepest) return '…';
  if (Array.isArray(value)) {
    const entries = value
      .slice(0, mostEntries)
      .map((entry) => (typeof entry === 'string' ? shortened(entry, longestName) : boundedValue(entry, depth + 1)));
    return value.length > mostEntries ? [...entries, `… ${value.length - mostEntries} more`] : entries;
  }
  const entries = Object.entries(value)
    .slice(0, mostFields)
    .map(([key, entry]) => [shortened(key, longestName), boundedValue(entry, depth + 1)]);
  return Object.fromEntries(entries);
}

function boundedError(error: Error, depth: number): object {
  const { code, cause } = error as Error & { code?: unknown };
  return {
    type: error.name,
    message: shortened(error.message, longestText),
    ...(typeof code === 'string' && { code }),
    ...(cause !== undefined && depth < deepest && { cause: boundedValue(cause, depth + 1) }),
    stack: shortened(error.stack ?? '', longestStack),
  };
}

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text;
}
