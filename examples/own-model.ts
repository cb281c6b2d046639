/**
 * Parley with a custom language model: a few lines that answer, and call a tool if the client declared one.
 * Run it in a clone with `npm run example`. In a project of yours, import from 'parley-realtime'.
 */

import { createEngines, type EngineSet, type LanguageModel, startServer } from '../src/server/server.ts';

export const languageModel: LanguageModel = {
  // `items` is the conversation in words: messages, calls and their outputs. `signal` fires when the user interrupts:
  // pass it on to your model.
  async *generate({ items, tools }) {
    const last = items.at(-1);
    if (last?.type === 'call_output') {
      yield { type: 'text', text: `The tool says: ${last.output}` };
    } else if (tools[0]) {
      yield { type: 'call', name: tools[0].name };
      yield { type: 'call_arguments', delta: '{}' };
      yield { type: 'call_end' };
    } else {
      yield { type: 'text', text: 'Hello ' };
      yield { type: 'text', text: 'from my own model.' };
    }
    yield { type: 'finish', reason: 'stop' };
  },
};

/** The embedded engines, with this language model. */
export function createOwnEngines(): EngineSet {
  return createEngines({}, { given: { languageModel: { name: 'own-model', engine: languageModel } } });
}

if (import.meta.main) {
  const server = await startServer({ engines: createOwnEngines(), config: { port: 8080 } });
  await server.ready;
  process.stdout.write(`Talk to it: ${server.url}\n`);
}
