import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';

/** Ranges that are not on the public internet, from IANA's registry of special-purpose IPv4 addresses (RFC 6890). */
const specialIPv4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
/** A public address, but in Azure the host of each virtual machine, which serves the configuration of the machine. */
const platformIPv4 = ['168.63.129.16/32'];
/**
 * The only range of global unicast addresses (RFC 4291 §2.4), and the parts of it that are special or embed an IPv4
 * address.
 */
const globalIPv6 = ['2000::/3'];
const specialIPv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];
/** Ranges with an IPv4 address in the last 32 bits: mapped (RFC 4291), or translated by NAT64 (RFC 6052). */
const embeddingIPv6 = ['::ffff:0:0/96', '64:ff9b::/96'];

/** Decides which addresses may be connected to: public ones, and those that the operator allows. */
export class AddressPolicy {
  readonly #special = listOf([...specialIPv4, ...platformIPv4, ...specialIPv6]);
  readonly #global = listOf(globalIPv6);
  readonly #embedding = listOf(embeddingIPv6);
  readonly #allowed: BlockList;
  readonly #allowedNames: ReadonlySet<string>;

  /** `allowed`: host names, addresses and networks such as `10.1.0.0/16`; `isAllowance` holds for each. */
  constructor(allowed: readonly string[] = []) {
    this.#allowed = listOf(allowed.filter((entry) => !isHostName(entry)));
    this.#allowedNames = new Set(allowed.filter(isHostName).map((name) => name.toLowerCase()));
  }

  /** Whether a host may be reached at an address. An allowed name may have any address. */
  allows(hostName: string, address: string): boolean {
    return this.#allowedNames.has(hostName.toLowerCase()) || this.#allowsAddress(address);
  }

  #allowsAddress(address: string): boolean {
    const bare = address.replace(/%.*$/, '');
    const family = familyOf(bare);
    if (family === undefined) return false;
    if (this.#allowed.check(bare, family)) return true;
    if (family === 'ipv4') return !this.#special.check(bare, family);
    if (this.#embedding.check(bare, family)) return this.#allowsAddress(embeddedIPv4(bare));
    return this.#global.check(bare, family) && !this.#special.check(bare, family);
  }
}

const publicAddresses = new AddressPolicy();
/** Names for private use (RFC 6761, 6762, 8375, and ICANN's reservation of `internal`), and those without a dot. */
const privateName = /^[^.]+$|(^|\.)(localhost|local|internal|lan|home\.arpa|test)$/i;

/** Whether the host of a URL may be outside this machine and its private networks. Names are not resolved. */
export function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  if (familyOf(host) !== undefined) return publicAddresses.allows('', host);
  return !privateName.test(host);
}

/** Whether an entry of `allowed` is valid: a host name, an address, or a network in CIDR notation. */
export function isAllowance(entry: string): boolean {
  return isHostName(entry) || networkOf(entry) !== undefined;
}

/** A name whose last label is a number is an IPv4 address (WHATWG URL). */
function isHostName(entry: string): boolean {
  return (
    /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i.test(entry) &&
    !/(^|\.)(\d+|0x[0-9a-f]*)$/i.test(entry)
  );
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  return isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
}

function networkOf(entry: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [address = '', length, ...more] = entry.split('/');
  const family = isIP(address) === 0 || address.includes('%') ? undefined : familyOf(address);
  if (family === undefined || more.length > 0) return undefined;
  const most = family === 'ipv4' ? 32 : 128;
  const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : -1;
  return bits >= 0 && bits <= most ? { address, bits, family } : undefined;
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of networks) {
    const network = networkOf(entry);
    if (network) list.addSubnet(network.address, network.bits, network.family);
  }
  return list;
}

/** The last 32 bits of an IPv6 address, as an IPv4 address. */
function embeddedIPv4(address: string): string {
  // The URL parser normalizes addresses: hexadecimal groups, without a dotted end.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const tail = canonical.slice(canonical.lastIndexOf('::') + 1).split(':');
  const [high, low] = tail.slice(-2).map((group) => Number.parseInt(group || '0', 16));
  const bits = (high ?? 0) * 0x1_0000 + (low ?? 0);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}
