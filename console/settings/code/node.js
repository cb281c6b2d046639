/** A program for Node with the official SDK. */

import { functionsCode } from './functions.js';
import { javaScript, literal, text } from './literal.js';
import { planOf } from './plan.js';

/** @typedef {import('./plan.js').Plan} Plan */

/**
 * @param {import('../settings.js').SharedSettings} settings
 * @param {import('./plan.js').Place} place
 * @returns {string}
 */
export function nodeCode(settings, place) {
  const plan = planOf(settings, place);
  return `${usage(plan)}
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/${plan.isBeta ? 'beta/' : ''}realtime/ws';
${plan.isPlain ? "import net from 'node:net';\n" : ''}${plan.servers > 0 ? "import readline from 'node:readline/promises';\n" : ''}
const question = process.argv[2] ?? 'What can you do?';

const session = ${literal(plan.session, javaScript)};

${functionsCode(plan)}

const client = new OpenAI({
  apiKey: process.env.PARLEY_API_KEY${plan.requiresKey ? '' : " ?? 'any'"},
  baseURL: ${text(plan.base.href)},
});
const rt = new OpenAIRealtimeWS({ model: ${text(plan.model)}${connection(plan)} }, client);

rt.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
  rt.close();
});
rt.on('session.created', () => {
  rt.send({ type: 'session.update', session });${plan.servers > 0 ? '' : '\n  ask();'}
});
${plan.servers > 0 ? imports(plan) : ''}
function ask() {
  const content = [{ type: 'input_text', text: question }];
  rt.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
  rt.send({ type: 'response.create' });
}

// The speech is in ${plan.isBeta ? 'response.audio.delta' : 'response.output_audio.delta'}: 16-bit PCM at 24 kHz, in base64.
rt.on('${plan.deltas.transcript}', ({ delta }) => process.stdout.write(delta));
rt.on('${plan.deltas.text}', ({ delta }) => process.stdout.write(delta));
rt.on('response.done', async ({ response }) => {
  console.log();
  if (response.status === 'failed') console.error(response.status_details?.error?.message ?? response.status_details);
  const calls = response.output.filter(({ type }) => type === 'function_call' || type.startsWith('mcp_'));
  if (calls.length === 0) return rt.close();
  count(calls.length);
  for (const call of calls.filter(({ type }) => type === 'function_call')) {
    const output = await run(call.name, call.arguments);
    rt.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: call.call_id, output } });
    count(-1);
  }
});

// The next response needs the results of all calls.
let openCalls = 0;
function count(change) {
  openCalls += change;
  if (openCalls === 0) rt.send({ type: 'response.create' });
}
`;
}

/** @param {Plan} plan */
function usage({ isBeta, requiresKey, variables }) {
  const names = [...(requiresKey ? ['PARLEY_API_KEY'] : []), ...variables];
  return `// npm install openai ws
// ${names.map((name) => `${name}=… `).join('')}node agent.mjs "What can you do?"${isBeta ? '\n// The beta dialect, which the hosted service no longer has.' : ''}`;
}

/** @param {Plan} plan */
function connection({ base, isPlain, acceptsCertificate }) {
  if (isPlain) {
    return `,
  // The SDK's addresses are always wss:, but this server has no TLS.
  options: { createConnection: ({ host }) => net.connect({ host, port: ${base.port || 80} }) },
`;
  }
  return acceptsCertificate
    ? `,
  // For a self-signed certificate of this machine; remove it otherwise.
  options: { rejectUnauthorized: false },
`
    : '';
}

/** @param {Plan} plan */
function imports({ servers }) {
  return `
// The tools of MCP servers are imported first.
let imports = ${servers};
for (const type of ['mcp_list_tools.completed', 'mcp_list_tools.failed']) {
  rt.on(type, () => {
    imports -= 1;
    if (imports === 0) ask();
  });
}
rt.on('conversation.item.done', async ({ item }) => {
  if (item.type === 'mcp_call') count(-1);
  if (item.type !== 'mcp_approval_request') return;
  const terminal = readline.createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(\`May \${item.server_label} run \${item.name}(\${item.arguments})? [y/N] \`);
  terminal.close();
  const approve = /^y/i.test(answer);
  rt.send({
    type: 'conversation.item.create',
    item: { type: 'mcp_approval_response', approval_request_id: item.id, approve },
  });
});
`;
}
