/** Whether a text is an origin as browsers write it, in any case: scheme, host and port. */
export function isOrigin(entry: string): boolean {
  return URL.canParse(entry) && new URL(entry).origin === entry.toLowerCase();
}
