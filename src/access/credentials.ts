import type { IncomingHttpHeaders } from 'node:http';

/** The key in `Authorization: Bearer`, or in Azure's `api-key`. */
export function keyInHeaders(headers: IncomingHttpHeaders): string | undefined {
  const bearer = /^bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1]?.trim();
  return bearer ?? headerOf(headers, 'api-key');
}

/** The project header of the SDKs. */
export function projectInHeaders(headers: IncomingHttpHeaders): string | undefined {
  return headerOf(headers, 'openai-project');
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
