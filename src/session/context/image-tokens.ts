/**
 * The tokens of an image by OpenAI's published rule for its GPT-4o models: 85, and unless its detail is low another 170
 * for each tile of 512 pixels, after it is scaled to fit into 2048 × 2048 and its shorter side to 768.
 */

const baseTokens = 85;
const tileTokens = 170;
const tilePixels = 512;
const longestSide = 2048;
const shorterSide = 768;
/** The assumed size of an unreadable image: 1024 × 1024. */
const unknownImageTokens = baseTokens + 4 * tileTokens;

/** Base64 characters of an image that are decoded to find its size: a JPEG may begin with a preview. */
const headerCharacters = 128 * 1024;

/** In pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** The tokens of an image; `detail` as in the item, where `auto` counts as high. */
export function imageTokens(size: ImageSize | undefined, detail: string | undefined): number {
  if (detail === 'low') return baseTokens;
  return size ? baseTokens + tileTokens * tilesOf(size) : unknownImageTokens;
}

function tilesOf({ width, height }: ImageSize): number {
  const fit = Math.min(1, longestSide / Math.max(width, height));
  const shrink = Math.min(1, shorterSide / (Math.min(width, height) * fit));
  const tilesAlong = (pixels: number) => Math.ceil(Math.round(pixels * fit * shrink) / tilePixels) || 1;
  return tilesAlong(width) * tilesAlong(height);
}

/** The size in the header of a PNG, JPEG, GIF or WebP file in a `data:` URL; undefined if there is none. */
export function imageSize(url: string): ImageSize | undefined {
  const data = /^data:[^,]{0,256};base64,/i.exec(url);
  if (!data) return undefined;
  const [{ length }] = data;
  const bytes = Buffer.from(url.slice(length, length + headerCharacters), 'base64');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = (text: string, at = 0) => bytes.toString('latin1', at, at + text.length) === text;
  try {
    const size = starts('\x89PNG\r\n\x1a\n')
      ? { width: view.getUint32(16), height: view.getUint32(20) }
      : starts('GIF8')
        ? { width: view.getUint16(6, true), height: view.getUint16(8, true) }
        : starts('\xff\xd8')
          ? jpegSize(view)
          : starts('RIFF') && starts('WEBP', 8)
            ? webpSize(bytes.toString('latin1', 12, 16), view)
            : undefined;
    return size && size.width > 0 && size.height > 0 ? size : undefined;
  } catch (error) {
    // The file ends before its size.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** ISO/IEC 10918-1, B.2: segments follow one another until the frame header with the size. */
function jpegSize(view: DataView): ImageSize | undefined {
  for (let at = 2; view.getUint8(at) === 0xff; ) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const tables = marker === 0xc4 || marker === 0xc8 || marker === 0xcc;
    if (marker >= 0xc0 && marker <= 0xcf && !tables) {
      return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    }
    const length = view.getUint16(at + 2);
    if (length < 2) return undefined;
    at += 2 + length;
  }
  return undefined;
}

/** RFC 9649, sections 2.5 to 2.7: the size is in a different place in each of the three kinds of file. */
function webpSize(chunk: string, view: DataView): ImageSize | undefined {
  if (chunk === 'VP8 ') {
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  }
  if (chunk === 'VP8L') {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (chunk !== 'VP8X') return undefined;
  const uint24 = (at: number) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
  return { width: uint24(24) + 1, height: uint24(27) + 1 };
}
