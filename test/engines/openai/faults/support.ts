/** A model of a misbehaving server, and its errors. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { EngineError } from '../../../../src/engines/engine-error.ts';
import { ChatModel, type ChatModelOptions } from '../../../../src/engines/openai/chat-model.ts';
import { userSays } from '../../contract/language-model.ts';
import { type Handler, type ModelServer, modelServer } from '../servers/model-server.ts';
import { WatchedClock } from '../servers/watched-clock.ts';

export const question = [userSays('Say: hello')];

export const words = (text: string) => ({ choices: [{ index: 0, delta: { content: text }, finish_reason: null }] });

export async function serverAndModel(
  t: TestContext,
  handle: Handler,
  options: Partial<ChatModelOptions> = {},
): Promise<{ server: ModelServer; model: ChatModel; clock: WatchedClock }> {
  const server = await modelServer(t, handle);
  const clock = new WatchedClock();
  const model = new ChatModel({ url: server.url, model: 'm', clock, ...options });
  t.after(() => model.close());
  return { server, model, clock };
}

/** The error message of a failing request. */
export async function failureMessage(asking: Promise<unknown>): Promise<string> {
  let message = '';
  await assert.rejects(asking, (error) => {
    assert.ok(error instanceof EngineError);
    message = error.message;
    return true;
  });
  return message;
}

export const one = { attempts: 1 };
