import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeTooOld } from '../../src/core/node-version.ts';

test('a Node.js that is too old is told with the one that is needed', () => {
  assert.match(
    nodeTooOld('22.21.1') ?? '',
    /^Parley needs Node\.js 24 or newer; this is 22\.21\.1\. Install a newer one/,
  );
  for (const version of ['24.0.0', '26.1.0', undefined]) assert.equal(nodeTooOld(version), undefined);
});
