/** Discovers language models on this machine, on the usual ports of their servers. */

import { systemClock } from '../../core/clock.ts';
import { HttpClient } from '../../net/http-client.ts';
import { field, listField, parseJson, textField } from './json.ts';

export interface LocalModel {
  /** `http://127.0.0.1:11434/v1` */
  url: string;
  model: string;
}

/** Ollama, llama.cpp (its default port, and the usual alternative), LM Studio. */
const usualPorts = [11_434, 8080, 8081, 8082, 1234];
const usualUrls: readonly string[] = usualPorts.map((port) => `http://127.0.0.1:${port}/v1`);

/** The start of a server may block the event loop for a second, which delays connections. */
const lookMs = 3000;
const maxListBytes = 1024 ** 2;
/** Models that are not for conversation. */
const otherModels = /embed|rerank|whisper|bge-|clip|tts|kokoro/i;

/** The first of these servers, in order, that has a conversational model; Parley itself is excluded. */
export async function findLocalModel(urls: readonly string[] = usualUrls): Promise<LocalModel | undefined> {
  const timeouts = { connectMs: lookMs, firstByteMs: lookMs, idleMs: lookMs };
  const client = new HttpClient({ clock: systemClock, timeouts, maxBytes: maxListBytes });
  try {
    const found = await Promise.all(urls.map((url) => modelAt(client, url).catch(() => undefined)));
    return found.find((model) => model !== undefined);
  } finally {
    await client.close();
  }
}

async function modelAt(client: HttpClient, url: string): Promise<LocalModel | undefined> {
  const response = await client.fetch(`${url}/models`, { signal: AbortSignal.timeout(2 * lookMs) });
  if (!response.ok) return undefined;
  const model = listField(parseJson(await response.text()), 'data').find(
    (entry) => field(entry, 'owned_by') !== 'parley' && !otherModels.test(textField(entry, 'id') ?? 'embed'),
  );
  const id = textField(model, 'id');
  return id === undefined ? undefined : { url, model: id };
}
