/** Writes THIRD_PARTY_NOTICES.md: `node scripts/notices.ts`. A test compares it with the installed packages. */

import { writeFileSync } from 'node:fs';
import { notices } from '../dev/harness/notices.ts';

writeFileSync(new URL('../THIRD_PARTY_NOTICES.md', import.meta.url), notices());
