/** A frame's first two bytes, an extended length of up to eight, and the mask. */
const longestHeader = 14;
const bits = { fin: 0x80, opcode: 0x0f, control: 0x08, masked: 0x80, length: 0x7f };

/**
 * Tracks where messages begin and end in the bytes of a client (RFC 6455 §5.2), without reading their payload. It
 * refuses nothing: invalid frames are left to the parser.
 */
export class FrameWatch {
  readonly #header = new DataView(new ArrayBuffer(longestHeader));
  #headerBytes = 0;
  #payloadLeft = 0;
  /** A message has started and more fragments follow. */
  #fragmented = false;

  /** Whether a frame or a message has started and is incomplete. */
  get incomplete(): boolean {
    return this.#fragmented || this.#headerBytes > 0 || this.#payloadLeft > 0;
  }

  /** Takes the next bytes; returns whether everything was complete at some point within them, or at their end. */
  push(chunk: Uint8Array): boolean {
    let ended = false;
    for (let at = 0; at < chunk.length; ) {
      if (this.#payloadLeft === 0) {
        this.#header.setUint8(this.#headerBytes++, chunk[at++] ?? 0);
        if (this.#headerBytes === this.#headerLength) this.#begin();
      } else {
        const taken = Math.min(this.#payloadLeft, chunk.length - at);
        this.#payloadLeft -= taken;
        at += taken;
      }
      ended ||= !this.incomplete;
    }
    return ended;
  }

  /** The header length, as far as it is known: the second byte determines it. */
  get #headerLength(): number {
    if (this.#headerBytes < 2) return 2;
    const second = this.#header.getUint8(1);
    const length = second & bits.length;
    return 2 + (length === 127 ? 8 : length === 126 ? 2 : 0) + (second & bits.masked ? 4 : 0);
  }

  #begin(): void {
    const first = this.#header.getUint8(0);
    const length = this.#header.getUint8(1) & bits.length;
    this.#payloadLeft =
      length === 127 ? Number(this.#header.getBigUint64(2)) : length === 126 ? this.#header.getUint16(2) : length;
    this.#headerBytes = 0;
    // Control frames may be sent between the fragments of a message.
    if ((first & bits.opcode) < bits.control) this.#fragmented = (first & bits.fin) === 0;
  }
}
