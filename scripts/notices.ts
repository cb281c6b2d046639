/** Writes THIRD_PARTY_NOTICES.md: `node scripts/notices.ts`, and part of the build. */

import { writeFileSync } from 'node:fs';
import { notices } from '../dev/harness/notices.ts';

writeFileSync(new URL('../THIRD_PARTY_NOTICES.md', import.meta.url), notices());
