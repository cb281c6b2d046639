/**
 * A server in a separate process, with fake engines and the real log of `serve`. It prints its WebSocket address, and
 * stops on SIGTERM. Its argument is a configuration as JSON.
 */

import { configWith, logOptions } from '../../src/config/config.ts';
import { createLog } from '../../src/core/log.ts';
import { startConfiguredServer } from '../../src/server/server.ts';
import { fakeEngineSet } from './server.ts';

const config = configWith({ port: 0, ...JSON.parse(process.argv[2] ?? '{}') });
const log = createLog(logOptions(config), process.stderr.isTTY);
const server = await startConfiguredServer(config, { log, engines: fakeEngineSet() });
process.on('SIGTERM', async () => {
  await server.close();
  await log.close(100);
});
process.stdout.write(`${server.wsUrl}\n`);
