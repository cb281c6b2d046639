/** A page that talks over WebRTC, without a library. */

import { splitSecrets } from '../secrets.js';
import { functionsCode } from './functions.js';
import { javaScript, literal, text } from './literal.js';
import { planOf } from './plan.js';

/**
 * @param {import('../settings.js').SharedSettings} settings
 * @param {import('./plan.js').Place} place
 * @returns {string}
 */
export function pageCode(settings, place) {
  const { session, secrets } = splitSecrets(settings.session);
  const plan = planOf({ ...settings, session }, place);
  const offer = new URL(plan.isBeta ? `${plan.base.href}/realtime` : `${plan.base.href}/realtime/calls`);
  offer.searchParams.set('model', plan.model);
  const script = `const session = ${literal(plan.session, javaScript)};
${secrets.length > 0 ? '// Secrets of MCP servers do not belong into a page: create the client secret with these tools.\n' : ''}
${functionsCode(plan)}

const log = document.querySelector('#log');
const peer = new RTCPeerConnection();
const events = peer.createDataChannel('oai-events');
const { sender } = peer.addTransceiver('audio', { direction: 'sendrecv' });
const send = (event) => events.send(JSON.stringify(event));
const show = (words) => log.append(words);

document.querySelector('#start').addEventListener('click', async ({ target }) => {
  target.disabled = true;
  await start().catch(fail);
});
${manual(plan)}
function fail(error) {
  show(\`\${error.message}\\n\`);
}

async function start() {
  peer.addEventListener('track', ({ streams }) => {
    document.querySelector('audio').srcObject = streams[0];
  });
  await peer.setLocalDescription();
${token(plan)}  const answer = await fetch(${text(offer.href)}, {
    method: 'POST',
    headers: { ${headers(plan).join(', ')} },
    body: peer.localDescription.sdp,
  });
  if (!answer.ok) throw new Error((await answer.json()).error.message);
  await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
}

// Not before the session is open: the first words would be lost.
async function openMicrophone() {
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  await sender.replaceTrack(microphone.getAudioTracks()[0]);
}

events.addEventListener('message', async ({ data }) => {
  const event = JSON.parse(data);
  switch (event.type) {
    case 'session.created':
      send({ type: 'session.update', session });
      await openMicrophone().catch(fail);
      break;
    case 'conversation.item.input_audio_transcription.completed':
      show(\`You: \${event.transcript}\\n\`);
      break;
    case '${plan.deltas.transcript}':
    case '${plan.deltas.text}':
      show(event.delta);
      break;
    case 'error':
      show(\`\${event.error.message}\\n\`);
      break;
    case 'response.created':
      isAnswering = true;
      break;
    case 'response.done':
      isAnswering = false;
      show('\\n');
      await answerCalls(event.response.output.filter(({ type }) => type === 'function_call' || type.startsWith('mcp_')));
      break;
${plan.servers > 0 ? serverEvents : ''}  }
});

async function answerCalls(calls) {
  if (calls.length > 0) count(calls.length);
  for (const { name, arguments: args, call_id } of calls.filter(({ type }) => type === 'function_call')) {
    const output = await run(name, args);
    send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id, output } });
    count(-1);
  }
}

// The next response needs the results of all calls. If you have spoken meanwhile, your answer has them.
let isAnswering = false;
let openCalls = 0;
function count(change) {
  openCalls += change;
  if (openCalls === 0 && !isAnswering) send({ type: 'response.create' });
}`;
  return `<!doctype html>
<html lang="en">
  <meta charset="utf-8">
  <title>Voice agent</title>
  <button id="start">Talk</button>${plan.endsTurns === 'server' ? '' : '\n  <button id="answer">Answer</button>'}
  <audio autoplay></audio>
  <pre id="log" style="white-space: pre-wrap"></pre>
  <script type="module">
${withoutTags(script)}
  </script>
</html>
`;
}

/** @param {import('./plan.js').Plan} plan */
function manual({ endsTurns }) {
  if (endsTurns === 'server') return '';
  const commit = endsTurns === 'client' ? "  send({ type: 'input_audio_buffer.commit' });\n" : '';
  return `
document.querySelector('#answer').addEventListener('click', () => {
${commit}  send({ type: 'response.create' });
});
`;
}

/** @param {import('./plan.js').Plan} plan */
function token({ requiresKey, base }) {
  if (!requiresKey) return '';
  return `  // Your backend creates a client secret with its API key, which must not be in a page:
  // POST ${base.href}/realtime/client_secrets, and answers with its JSON.
  const { value } = await (await fetch('/token', { method: 'POST' })).json();
`;
}

/** @param {import('./plan.js').Plan} plan */
function headers({ requiresKey, isBeta }) {
  return [
    "'Content-Type': 'application/sdp'",
    ...(requiresKey ? [`Authorization: \`Bearer \${value}\``] : []),
    ...(isBeta ? ["'OpenAI-Beta': 'realtime=v1'"] : []),
  ];
}

/** The script of a page must not contain its own end. @param {string} script */
function withoutTags(script) {
  return script.replaceAll(/<(?=\/script|!--)/gi, '<\\');
}

const serverEvents = `    case 'conversation.item.done':
      if (event.item.type === 'mcp_call') count(-1);
      if (event.item.type === 'mcp_approval_request') {
        const { id, server_label, name, arguments: args } = event.item;
        const approve = confirm(\`May \${server_label} run \${name}(\${args})?\`);
        const item = { type: 'mcp_approval_response', approval_request_id: id, approve };
        send({ type: 'conversation.item.create', item });
      }
      break;
`;
