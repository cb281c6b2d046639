/**
 * `npm run compare -- FILE`: plays a session that was recorded from the hosted service against a server, and prints
 * the differences (docs/testing.md).
 */

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { type JsonObject, parseRecording } from '../dev/recordings/format.ts';
import { play, type Wire } from '../dev/recordings/play.ts';

const usage = `npm run compare -- FILE [--url URL] [--key KEY] [--beta] [--wait SECONDS]
  FILE    a recording: JSON Lines of {"client": event} and {"server": event}
  --url   the server to compare (default: ws://127.0.0.1:8080/v1/realtime?model=gpt-realtime)
  --key   its API key, if it needs one
  --beta  the recording is of the beta dialect
  --wait  how long an event may take (default: 15)`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string', default: 'ws://127.0.0.1:8080/v1/realtime?model=gpt-realtime' },
    key: { type: 'string', default: 'any' },
    beta: { type: 'boolean', default: false },
    wait: { type: 'string', default: '15' },
  },
});
const [file] = positionals;
const waitSeconds = Number(values.wait);
if (file === undefined || !(waitSeconds > 0)) {
  console.error(usage);
  process.exit(2);
}

const recording = parseRecording(readFileSync(file, 'utf8'), file);
const headers = { Authorization: `Bearer ${values.key}`, ...(values.beta && { 'OpenAI-Beta': 'realtime=v1' }) };
const { wire, close } = await connect(values.url, headers);
const lines = await play(recording, wire, { whole: true });
close();
for (const line of lines) console.log(line);
console.log(
  lines.length === 0 ? 'No differences.' : `${lines.length} differences (- recorded only, + played only, ~ differs).`,
);
process.exitCode = lines.length === 0 ? 0 : 1;

async function connect(url: string, headers: Record<string, string>): Promise<{ wire: Wire; close: () => void }> {
  const socket = new WebSocket(url, { headers });
  const events: JsonObject[] = [];
  let wake = () => {};
  let isOpen = true;
  socket.on('message', (data) => {
    events.push(JSON.parse(String(data)) as JsonObject);
    wake();
  });
  socket.on('close', () => {
    isOpen = false;
    wake();
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const wire: Wire = {
    send: (event) => socket.send(JSON.stringify(event)),
    async next() {
      if (events.length === 0 && isOpen) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, waitSeconds * 1000);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      return events.shift();
    },
  };
  return { wire, close: () => socket.close() };
}
