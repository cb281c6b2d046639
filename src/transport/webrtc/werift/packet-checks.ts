/** Checks of packets from clients, where werift trusts their lengths and counts. */

/** Maximum size of a packet. Clients assume paths with at most 1,500 bytes. */
export const longestPacket = 2048;
/** Maximum length of a DTLS handshake message: a chain of certificates has a few kilobytes. */
const longestHandshake = 16_384;
/** Chunks that a packet may acknowledge beyond a gap. More cannot be on their way to a client. */
const mostAcknowledged = 4096;

const contentTypes = { alert: 21, handshake: 22 };
const clientHello = 1;

/** Nonce, level, description and tag of an encrypted alert (RFC 5288 §3). */
const encryptedAlert = 8 + 2 + 16;
/** Descriptions of alerts (RFC 5246 §7.2, RFC 6066 §9, RFC 4279 §6). */
const alertDescriptions: ReadonlySet<number> = new Set([
  ...[0, 10, 20, 21, 22, 30, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 60, 70, 71, 80, 90, 100],
  ...[110, 111, 112, 113, 114, 115],
]);

/**
 * Whether DTLS records (RFC 6347 §4.1) may be processed. werift reserves the length that the first fragment of a
 * handshake announces; after the handshake it still obeys alerts and handshakes that are not encrypted, so anyone who
 * forges the client's address could end the call.
 */
export function isAcceptableDtls(records: Buffer, isConnected: boolean): boolean {
  for (let at = 0; at + 13 <= records.length; at += 13 + records.readUInt16BE(at + 11)) {
    const type = records.readUInt8(at);
    const content = records.subarray(at + 13, at + 13 + records.readUInt16BE(at + 11));
    const isEncrypted = records.readUInt16BE(at + 3) > 0;
    if (type === contentTypes.alert && isConnected && !(isEncrypted && isDecrypted(content))) return false;
    if (isEncrypted) continue;
    if (type === contentTypes.handshake && !isAcceptableHandshake(content, isConnected)) return false;
  }
  return true;
}

/** Whether werift decrypts an alert: it takes one with a known description, even within the nonce, as it is. */
function isDecrypted(alert: Buffer): boolean {
  return alert.length >= encryptedAlert && !alertDescriptions.has(alert.readUInt8(1));
}

function isAcceptableHandshake(messages: Buffer, isConnected: boolean): boolean {
  for (let at = 0; at + 12 <= messages.length; at += 12 + messages.readUIntBE(at + 9, 3)) {
    if (messages.readUIntBE(at + 1, 3) > longestHandshake) return false;
    if (messages.readUInt8(at) === clientHello && isConnected) return false;
  }
  return true;
}

/** Types of SCTP chunks, and where their parameters start if they have any (RFC 9260 §3.3, RFC 6525 §3.1). */
const sack = 3;
const parametersAt: ReadonlyMap<number, number> = new Map([
  ...([1, 2] as const).map((type): [number, number] => [type, 20]),
  ...([4, 5, 6, 9, 130] as const).map((type): [number, number] => [type, 4]),
]);

/**
 * Checks an SCTP packet (RFC 9260 §3). werift loops forever on a chunk or parameter of length 0, and visits each
 * number in a range of acknowledged ones.
 * @throws {RangeError} when it is malformed
 */
export function checkSctp(packet: Buffer): void {
  let acknowledged = 0;
  for (const chunk of elements(packet.subarray(12))) {
    const parameters = parametersAt.get(chunk.readUInt8(0));
    if (parameters !== undefined) elements(chunk.subarray(parameters));
    if (chunk.readUInt8(0) === sack) acknowledged += acknowledgedBeyondGaps(chunk);
  }
  if (acknowledged > mostAcknowledged) throw new RangeError(`${acknowledged} acknowledged chunks`);
}

/** The elements of a list with lengths at offset 2, padded to 4 bytes. */
function elements(list: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at + 4 <= list.length; ) {
    const length = list.readUInt16BE(at + 2);
    if (length < 4 || at + length > list.length) throw new RangeError(`a length of ${length}`);
    found.push(list.subarray(at, at + length));
    at += length + (-length & 3);
  }
  return found;
}

function acknowledgedBeyondGaps(chunk: Buffer): number {
  let sum = 0;
  const ranges = chunk.readUInt16BE(12);
  for (let range = 0; range < ranges; range++) {
    const at = 16 + range * 4;
    sum += Math.max(0, chunk.readUInt16BE(at + 2) - chunk.readUInt16BE(at) + 1);
  }
  return sum;
}
