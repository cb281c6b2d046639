/** The cost of the limits on the path of every append. */

import { performance } from 'node:perf_hooks';
import { TokenBucket } from '../src/core/token-bucket.ts';
import { holdsMoreValuesThan, maxValues } from '../src/protocol/parse/frame-parser.ts';
import { FrameWatch } from '../src/transport/websocket/frame-watch.ts';
import { RateClients } from './clients.ts';
import { type Figure, type Section, summarise } from './figures.ts';
import { MeasuredServer } from './servers.ts';

const sessions = 16;
/** Below the burst limit, so that the limit is checked but not reached. */
const appends = 2000;

export async function limitsCost({ rounds }: { rounds: number }): Promise<Section> {
  // Two equal servers: their difference is the measuring error.
  const names = ['defaults', 'twin', 'lifted'] as const;
  const servers = {
    defaults: await MeasuredServer.start('instant'),
    twin: await MeasuredServer.start('instant'),
    lifted: await MeasuredServer.start('lifted'),
  };
  const clients = new RateClients();
  const cost = { defaults: [] as number[], twin: [] as number[], lifted: [] as number[] };
  try {
    for (let round = 0; round <= rounds; round++) {
      // In alternating order, so that other load on the machine affects all of them.
      const order = [...names.slice(round % 3), ...names.slice(0, round % 3)];
      for (const name of order) {
        const microseconds = await appendCost(servers[name], clients);
        if (round > 0) cost[name].push(microseconds);
      }
    }
  } finally {
    await Promise.all([clients.close(), ...names.map((name) => servers[name].close())]);
  }
  const share = (name: 'twin' | 'lifted') =>
    summarise(cost.defaults.map((microseconds, round) => 100 * (microseconds / (cost[name][round] ?? Number.NaN) - 1)));
  const whole = summarise(cost.defaults);
  const alone = checksAlone(rounds);
  const figures: Figure[] = [
    { name: 'an append of 20 ms, all limits at their defaults', unit: 'µs', ...whole },
    { name: '  the same, all limits lifted', unit: 'µs', ...summarise(cost.lifted) },
    { name: '  difference', unit: '%', ...share('lifted') },
    { name: '  between two servers with the same limits: noise', unit: '%', ...share('twin') },
    { name: '  the checks alone, of the whole', unit: '%', ...scaled(alone, 100 / whole.median), aim: { median: 2 } },
  ];
  return {
    title: 'What the limits cost',
    how:
      `${sessions} sessions send ${appends} appends each as fast as they are taken; processor time of the thread with the event loop, divided by the appends. ` +
      'Three servers take their turns, n rounds, and are compared round by round. A limit that is lifted is still looked at, so that the checks ' +
      'that an append meets (its frame followed, its place in the rate taken, its values counted) are also timed alone, on the same bytes.',
    figures,
    warnings: [],
  };
}

async function appendCost(server: MeasuredServer, clients: RateClients): Promise<number> {
  const { wsUrl } = server;
  await clients.run({ type: 'append', wsUrl, sessions, appends }, () => server.begin());
  const { mainThreadMs } = await server.end();
  return (1000 * mainThreadMs) / (sessions * appends);
}

/** Microseconds per append spent in the checks of limits. */
function checksAlone(rounds: number): ReturnType<typeof summarise> {
  const audio = Buffer.alloc((2 * 24_000 * 20) / 1000).toString('base64');
  const text = JSON.stringify({ type: 'input_audio_buffer.append', audio });
  const header = Buffer.from([0x81, 0xfe, text.length >> 8, text.length & 255, 0, 0, 0, 0]);
  const frame = Buffer.concat([header, Buffer.from(text)]);
  const watch = new FrameWatch();
  const bucket = new TokenBucket({ burst: 5000, perSecond: 1000 });
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const count = 50_000;
    const startedAt = performance.now();
    for (let done = 0; done < count; done++) {
      watch.push(frame);
      bucket.take(done);
      bucket.overdrawnMs(done);
      if (watch.incomplete || holdsMoreValuesThan(maxValues, text)) throw new Error('an append is within every limit');
    }
    if (round > 0) times.push((1000 * (performance.now() - startedAt)) / count);
  }
  return summarise(times);
}

function scaled({ n, median, p99, max }: ReturnType<typeof summarise>, factor: number): ReturnType<typeof summarise> {
  return { n, median: median * factor, p99: p99 * factor, max: max * factor };
}
