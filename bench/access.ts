/**
 * Rates at which clients are admitted: secrets created, and connections accepted beside the minimum cost of a
 * connection.
 */

import { RateClients } from './clients.ts';
import { type Figure, type Section, summarise } from './figures.ts';
import { benchKey, MeasuredServer } from './servers.ts';

const atOnce = 16;

export async function access({
  spans,
  secrets,
  connections,
}: {
  spans: number;
  secrets: number;
  connections: number;
}): Promise<Section> {
  const bare = await MeasuredServer.start('bare');
  const parley = await MeasuredServer.start('instant');
  const keyed = await MeasuredServer.start('keyed');
  const clients = new RateClients();
  try {
    /** Several consecutive spans; the first, in which code is compiled, does not count. */
    const rate = async (count: number, job: () => Promise<number>) => {
      const rates: number[] = [];
      for (let span = 0; span <= spans; span++) {
        const ms = await job();
        if (span > 0) rates.push((1000 * count) / ms);
      }
      return summarise(rates);
    };
    const connect = ({ wsUrl }: MeasuredServer) =>
      rate(connections, () => clients.run({ type: 'connect', wsUrl, count: connections, atOnce }));
    const url = keyed.wsUrl.replace(/^ws(.*)\/v1\/realtime$/, 'http$1');
    const minted = await rate(secrets, () => clients.run({ type: 'mint', url, key: benchKey, count: secrets, atOnce }));
    const least = await connect(bare);
    const accepted = await connect(parley);
    const figures: Figure[] = [
      { name: 'client secrets minted', unit: '/s', ...minted },
      { name: 'connections accepted: bare ws', unit: '/s', ...least },
      { name: '  Parley, until session.created', unit: '/s', ...accepted, timesBare: accepted.median / least.median },
    ];
    return {
      title: 'Letting clients in',
      how:
        `${atOnce} clients at once, in a process of their own: each mints (over a connection that it keeps), or connects, waits for the first ` +
        `event and leaves, ${secrets} and ${connections} times in all for each of n spans. Every session is made and ended with its connection. × is the share of the bare limit's rate.`,
      figures,
      warnings: [],
    };
  } finally {
    await Promise.all([clients.close(), bare.close(), parley.close(), keyed.close()]);
  }
}
