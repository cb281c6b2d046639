/**
 * `npm run compare -- FILE`: plays a session that was recorded from the hosted service against a server, and prints
 * the differences (docs/testing.md).
 */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseRecording } from '../dev/recordings/format.ts';
import { play, type Wire } from '../dev/recordings/play.ts';
import { RealtimeClient } from '../src/cli/realtime-client.ts';

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
const client = new RealtimeClient(values.url, { headers });
const wire: Wire = {
  send: (event) => client.send(event),
  async next() {
    const event = await client.nextWithin(waitSeconds * 1000);
    return event && { ...event };
  },
};
await once(client.socket, 'open');
const lines = await play(recording, wire, { whole: true });
client.close();
for (const line of lines) console.log(line);
console.log(
  lines.length === 0 ? 'No differences.' : `${lines.length} differences (- recorded only, + played only, ~ differs).`,
);
process.exitCode = lines.length === 0 ? 0 : 1;
