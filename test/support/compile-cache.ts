/** Preloaded by `npm run test:fast`: its processes share compiled code, which most of their start-up time goes into. */

import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/parley-tests', import.meta.url)));
