import { after } from 'node:test';
import { OfficialCheck, type WireDialect } from '../../dev/harness/official-events.ts';

export type { WireDialect } from '../../dev/harness/official-events.ts';

const complaints: string[] = [];

/**
 * Checks every frame of the server on one connection, in order: each must be an event of the official types and follow
 * the rules of docs/protocol.md, or of one of the `extensions` that the client requested. An invalid frame fails the
 * test that received it.
 */
export function frameCheck(dialect: WireDialect, extensions: readonly string[] = []): (frame: string) => void {
  const check = new OfficialCheck(dialect);
  return (frame) => {
    if (extensions.some((name) => frame.startsWith(`{"type":"parley.${name}"`))) return;
    const found = check.complaints(frame);
    if (found.length === 0) return;
    const message = `the server sent what the official types or docs/protocol.md do not allow:\n${found.join('\n')}`;
    complaints.push(message);
    // Uncaught, so that neither the server's code nor the calling client's can swallow it.
    process.nextTick(() => {
      throw new Error(message);
    });
  };
}

// After the end of its test, an exception would only be a warning.
after(() => {
  if (complaints.length > 0) throw new Error(complaints.join('\n'));
});

/** The dialect that a client selects by its connection (docs/protocol.md §6). */
export function dialectAsked(url: string, headers: object = {}, protocols: readonly string[] = []): WireDialect {
  const beta = Object.entries(headers).some(
    ([name, value]) => name.toLowerCase() === 'openai-beta' && /(^|[\s,])realtime=v1($|[\s,])/.test(String(value)),
  );
  const { pathname, searchParams } = new URL(url);
  const azure = pathname === '/openai/realtime' || (pathname === '/v1/realtime' && searchParams.has('api-version'));
  return beta || azure || protocols.includes('openai-beta.realtime-v1') ? 'beta' : 'ga';
}
