/**
 * The context window of a model in Ollama, which drops the beginning of longer requests, including the instructions,
 * without an error.
 */

import { systemClock } from '../../../core/clock.ts';
import { HttpClient } from '../../../net/http-client.ts';
import { field, listField, numberField, parseJson, textField } from '../json.ts';

/** Ollama's default (its documentation, "Context length"). */
const defaultTokens = 4096;
const lookMs = 5000;
const maxAnswerBytes = 1024 ** 2;

/**
 * The context window of a model in Ollama, in tokens: of the loaded model, otherwise of its Modelfile, otherwise the
 * default. Undefined if the server is not Ollama. `url`: its API including `/v1`.
 */
export async function ollamaWindow({ url, model }: { url: string; model: string }): Promise<number | undefined> {
  const timeouts = { connectMs: lookMs, firstByteMs: lookMs, idleMs: lookMs };
  const client = new HttpClient({ clock: systemClock, timeouts, maxBytes: maxAnswerBytes });
  const ask = async (path: string, body?: object): Promise<unknown> => {
    const response = await client.fetch(new URL(path, url).href, {
      signal: AbortSignal.timeout(2 * lookMs),
      ...(body && { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return response.ok ? parseJson(await response.text()) : undefined;
  };
  try {
    if (textField(await ask('/api/version'), 'version') === undefined) return undefined;
    const running = listField(await ask('/api/ps'), 'models').find((each) => isNamed(each, model));
    const now = numberField(running, 'context_length');
    if (now !== undefined) return now;
    const [, parameter] =
      /^num_ctx\s+(\d+)/m.exec(textField(await ask('/api/show', { model }), 'parameters') ?? '') ?? [];
    return parameter === undefined ? defaultTokens : Number(parameter);
  } catch {
    // Not Ollama, or a version that does not report it.
    return undefined;
  } finally {
    await client.close();
  }
}

/** A name without a tag means the tag `latest`. */
function isNamed(running: unknown, model: string): boolean {
  const name = field(running, 'model') ?? field(running, 'name');
  return name === model || name === `${model}:latest`;
}
