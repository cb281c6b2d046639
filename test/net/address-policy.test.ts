import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AddressPolicy, isAllowance } from '../../src/net/address-policy.ts';

const refused = [
  ['unspecified', '0.0.0.0', '0.1.2.3', '::'],
  ['loopback', '127.0.0.1', '127.255.255.254', '::1'],
  ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  ['unique local', 'fc00::1', 'fd12:3456::1', 'fd00:ec2::254'],
  ['link-local', '169.254.169.254', 'fe80::1', 'fe80::1%eth0', 'fec0::1'],
  ['carrier-grade NAT', '100.64.0.1', '100.127.255.255'],
  ['the host of a virtual machine at Azure', '168.63.129.16', '::ffff:168.63.129.16'],
  ['multicast', '224.0.0.1', '239.255.255.255', 'ff02::1'],
  ['broadcast and reserved', '255.255.255.255', '240.0.0.1', '192.0.0.8', '4000::1', '5f00::1'],
  ['documentation and benchmarks', '192.0.2.1', '198.51.100.7', '203.0.113.9', '198.18.0.1', '2001:db8::1', '3fff::1'],
  ['IPv4 mapped into IPv6', '::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:a00:1', '::ffff:169.254.169.254'],
  ['IPv4-compatible and translated', '::127.0.0.1', '::a00:1', '::ffff:0:7f00:1'],
  ['NAT64 of what is private', '64:ff9b::7f00:1', '64:ff9b::10.0.0.1', '64:ff9b::', '64:ff9b:1::1'],
  ['6to4 and Teredo', '2002:7f00:1::', '2002:a00:1::1', '192.88.99.1', '2001::1'],
  ['no address at all', 'localhost', '', '1.2.3', '1.2.3.4.5', '[::1]'],
] as const;

describe('internal and reserved addresses are refused', () => {
  for (const [what, ...addresses] of refused) {
    it(what, () => {
      const policy = new AddressPolicy();
      for (const address of addresses) assert.equal(policy.allows('example.com', address), false, address);
    });
  }
});

it('public addresses are allowed in any notation', () => {
  const policy = new AddressPolicy();
  const open = [
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.1',
    '100.128.0.1',
    '172.15.255.255',
    '172.32.0.1',
    '192.167.255.255',
    '223.255.255.255',
    '2606:4700::1111',
    '2a00:1450::1',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
    '64:ff9b::1.1.1.1',
  ];
  for (const address of open) assert.equal(policy.allows('example.com', address), true, address);
});

describe('an allowed entry', () => {
  it('is a network, an address, or a name with any address, and allows nothing else', () => {
    const policy = new AddressPolicy(['10.1.0.0/16', '192.168.7.7', 'fd00:1::/32', 'Images.Local']);
    const cases: [string, string, boolean][] = [
      ['any.example', '10.1.255.255', true],
      ['any.example', '10.2.0.1', false],
      ['any.example', '::ffff:10.1.2.3', true],
      ['any.example', '192.168.7.7', true],
      ['any.example', '192.168.7.8', false],
      ['any.example', 'fd00:1::7', true],
      ['any.example', 'fd00:2::7', false],
      ['images.local', '127.0.0.1', true],
      ['not-images.local', '127.0.0.1', false],
      ['images.local.evil.example', '127.0.0.1', false],
    ];
    for (const [name, address, allowed] of cases) {
      assert.equal(policy.allows(name, address), allowed, `${name} ${address}`);
    }
  });

  it('is refused in the configuration if it is none of these', () => {
    for (const entry of ['10.0.0.0/8', '::/0', 'localhost', 'images.internal', 'a_b.example', '127.0.0.1', 'fd00::1']) {
      assert.equal(isAllowance(entry), true, entry);
    }
    const wrong = [
      '10.0.0.0/33',
      '10.0.0/8',
      '10.0.0.0/',
      'fd00::/129',
      'fe80::1%eth0',
      'http://a',
      'a:80',
      '*.a',
      '',
      'a/8',
      '0x7f.1',
      '2130706433',
      '1.2.3.4/8/8',
    ];
    for (const entry of wrong) assert.equal(isAllowance(entry), false, entry);
  });
});
