/** Whether a language model calls a tool that it is asked to use. */

import { messageOf } from '../../core/errors.ts';
import { isJsonObject, tryParseJson } from '../../core/json.ts';
import type { LanguageModel, ModelTool } from '../../session/ports/language-model.ts';

const weatherTool: ModelTool = {
  name: 'get_weather',
  description: 'Get the current weather in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

/** A clause such as `called a tool`; `follows`: the tool was called with the argument that was asked for. */
export interface ToolFinding {
  did: string;
  follows: boolean;
}

/** Never rejects for what the model does: a server that refuses tools is a finding, too. */
export async function checkToolCall(model: LanguageModel, signal: AbortSignal): Promise<ToolFinding> {
  let name: string | undefined;
  let args = '';
  try {
    const events = model.generate({
      model: 'gpt-realtime',
      instructions: 'You are being tested. Use the tool to answer.',
      items: [{ type: 'message', role: 'user', content: [{ type: 'text', text: 'What is the weather in Paris?' }] }],
      tools: [weatherTool],
      toolChoice: 'auto',
      maxOutputTokens: 1024,
      spoken: true,
      signal,
    });
    for await (const event of events) {
      if (event.type === 'call') name ??= event.name;
      if (event.type === 'call_arguments') args += event.delta;
      if (event.type === 'call_end' || event.type === 'finish') break;
    }
  } catch (error) {
    signal.throwIfAborted();
    return { did: `a request with a tool failed: ${messageOf(error)}`, follows: false };
  }
  if (name === undefined) return { did: 'did not call the tool that it was asked to use', follows: false };
  const called = `called ${name.slice(0, 64)}(${args.slice(0, 80)})`;
  return name === weatherTool.name && isParis(args)
    ? { did: called, follows: true }
    : { did: `${called} where get_weather({"city":"Paris"}) was asked for`, follows: false };
}

function isParis(json: string): boolean {
  const args = tryParseJson(json);
  return isJsonObject(args) && /paris/i.test(String(args.city));
}
