/** WebSocket frames byte by byte (RFC 6455 §5.2), including ones that no library would send. */

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameShape {
  opcode: number;
  payload?: Buffer | string;
  /** Default true: the last or only fragment. */
  fin?: boolean;
  /** The three reserved bits, 0…7. */
  rsv?: number;
  /** Default true, as clients must. The key is 0, so the payload is not changed. */
  masked?: boolean;
  /** A false length. */
  announcedLength?: number;
  /** Uses the eight-byte form, whatever the length. */
  longForm?: boolean;
}

/** The bytes of one client frame. */
export function encodeFrame(shape: FrameShape): Buffer {
  const { opcode, fin = true, rsv = 0, masked = true } = shape;
  const payload = Buffer.from(shape.payload ?? '');
  const length = shape.announcedLength ?? payload.length;
  const first = (fin ? 0x80 : 0) | ((rsv & 7) << 4) | (opcode & 15);
  const maskBit = masked ? 0x80 : 0;
  return Buffer.concat([lengthHeader(first, maskBit, length, shape.longForm ?? false), mask(masked), payload]);
}

function lengthHeader(first: number, maskBit: number, length: number, longForm: boolean): Buffer {
  if (!longForm && length < 126) return Buffer.from([first, maskBit | length]);
  if (!longForm && length < 65_536) {
    const header = Buffer.from([first, maskBit | 126, 0, 0]);
    header.writeUInt16BE(length, 2);
    return header;
  }
  const header = Buffer.alloc(10);
  header[0] = first;
  header[1] = maskBit | 127;
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}

function mask(masked: boolean): Buffer {
  return Buffer.alloc(masked ? 4 : 0);
}

export interface ServerFrame {
  opcode: number;
  fin: boolean;
  payload: Buffer;
}

/** Splits the bytes of a server into frames. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #wanted = 2;

  /** @throws {Error} when a frame is masked or has a reserved bit set, which servers must not do */
  push(chunk: Buffer): ServerFrame[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const frames: ServerFrame[] = [];
    // Chunks are joined only when a frame is complete: a large one arrives in thousands.
    while (this.#bytes >= this.#wanted) {
      const all = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks);
      const frame = readFrame(all);
      const used = frame.missing > 0 ? 0 : frame.size;
      this.#chunks = [all.subarray(used)];
      this.#bytes = all.length - used;
      this.#wanted = frame.missing > 0 ? all.length + frame.missing : 2;
      if (frame.missing === 0) frames.push(frame);
    }
    return frames;
  }
}

function readFrame(bytes: Buffer): ServerFrame & { missing: number; size: number } {
  const [first = 0, second = 0] = bytes;
  if ((first & 0x70) !== 0 || (second & 0x80) !== 0) {
    throw new Error(`the server sent a frame that begins with ${bytes.toString('hex', 0, 2)}`);
  }
  const short = second & 127;
  const header = short === 126 ? 4 : short === 127 ? 10 : 2;
  const nothing = { opcode: 0, fin: false, payload: Buffer.alloc(0), size: 0 };
  if (bytes.length < header) return { ...nothing, missing: header - bytes.length };
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  const size = header + length;
  if (bytes.length < size) return { ...nothing, missing: size - bytes.length };
  const payload = bytes.subarray(header, size);
  return { opcode: first & 15, fin: (first & 0x80) !== 0, payload, size, missing: 0 };
}
