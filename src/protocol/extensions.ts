/**
 * Extensions of the official document, which a client requests by name: `?parley=ledger,words` (docs/protocol.md §1). A
 * client that requests none gets nothing outside the document.
 */

/** The names that this server knows. */
const extensions: readonly string[] = [];

const maxNames = 16;
const maxNameCharacters = 64;

/** The requested names that this server does not know, shortened, each once; names after the first 16 are ignored. */
export function unknownExtensions(query: URLSearchParams): string[] {
  const requested = (query.get('parley') ?? '').split(',', maxNames).filter((name) => name !== '');
  const unknown = requested.filter((name) => !extensions.includes(name));
  return [...new Set(unknown.map((name) => name.slice(0, maxNameCharacters)))];
}
