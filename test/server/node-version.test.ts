import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeTooOld } from '../../src/core/node-version.ts';

test('on an outdated Node.js the server exits and names the required version', () => {
  assert.match(
    nodeTooOld('22.21.1') ?? '',
    /^Parley needs Node\.js 24 or newer; this is 22\.21\.1\. Install a newer one/,
  );
  for (const version of ['24.0.0', '26.1.0', undefined]) assert.equal(nodeTooOld(version), undefined);
});
