import type { ModelEvent, ModelRequest, ModelTool } from '../../../session/ports/language-model.ts';
import { serveJobs } from '../../pool/worker-jobs.ts';
import { Responder } from './responder.ts';

/** A request to the stand-in, and its time. */
export type StandInRequest = Omit<ModelRequest, 'signal' | 'claim' | 'tools'> & {
  nowMs: number;
  /** With their parameters as JSON. */
  tools: (Omit<ModelTool, 'parameters'> & { json?: string })[];
};

/** Events per message to the main thread. */
const MOST_EVENTS = 32;

const warmUp: ModelRequest = {
  model: '',
  instructions: 'You are a friendly assistant.',
  items: [{ type: 'message', role: 'user', content: [{ type: 'text', text: 'What is the weather in Paris?' }] }],
  tools: [
    {
      name: 'get_weather',
      description: 'The weather at a place',
      parameters: { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] },
    },
  ],
  toolChoice: 'auto',
  maxOutputTokens: 'inf',
  spoken: true,
  signal: new AbortController().signal,
};

void serveJobs<StandInRequest, ModelEvent[]>(async () => {
  let nowMs = Date.now();
  const responder = new Responder({ now: () => new Date(nowMs) });
  // Warms up the rules, without which the first answer is slow.
  await Array.fromAsync(responder.generate(warmUp));

  return async ({ nowMs: askedAtMs, tools, ...request }, job) => {
    await job.turn();
    nowMs = askedAtMs;
    let events: ModelEvent[] = [];
    for await (const event of responder.generate({
      ...request,
      tools: tools.map(withParameters),
      signal: job.signal,
    })) {
      events.push(event);
      if (events.length < MOST_EVENTS) continue;
      job.send(events);
      events = [];
    }
    job.send(events);
  };
});

function withParameters({ json, ...tool }: StandInRequest['tools'][number]): ModelTool {
  return json === undefined ? tool : { ...tool, parameters: JSON.parse(json) };
}
