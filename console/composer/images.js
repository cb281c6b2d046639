/** Pictures for a message: read, and scaled down to what models see and one message can carry. */

/**
 * @typedef {object} Picture
 * @property {string} name for people who do not see it
 * @property {string} url of the whole picture, as data
 * @property {string} thumbnail likewise, small
 */

/** The picture cannot be sent; the message says why. */
export class PictureError extends Error {}

/** Models scale pictures into this anyway (docs/protocol.md, R3.49). */
const mostPixels = { longer: 2048, shorter: 768 };
const thumbnailPixels = 480;
/** Browsers send at most 256 KiB on a data channel; the rest is for the text. In characters of base64. */
const mostCharacters = 230_000;
/** Larger files could fill the memory of the tab when they are decoded. */
const mostBytes = 50_000_000;
const formats = ['image/jpeg', 'image/png', 'image/webp', 'image/gif'];
const jpegQuality = 0.85;

/**
 * @param {File} file
 * @returns {Promise<Picture>}
 * @throws {PictureError}
 */
export async function readPicture(file) {
  const name = file.name === '' ? 'pasted image' : file.name;
  if (!file.type.startsWith('image/'))
    throw new PictureError(`${name} is not an image. Choose a JPEG, PNG, WebP or GIF.`);
  if (file.size > mostBytes) throw new PictureError(`${name} has more than 50 MB. Choose a smaller image.`);
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new PictureError(`${name} cannot be read. Choose a JPEG, PNG, WebP or GIF.`);
  });
  try {
    const thumbnail = await urlOf(await draw(bitmap, scaleInto(bitmap, thumbnailPixels, thumbnailPixels)));
    return { name, thumbnail, url: await fitted(file, bitmap) };
  } finally {
    bitmap.close();
  }
}

/**
 * @param {File} file
 * @param {ImageBitmap} bitmap
 * @returns {Promise<string>} the file itself if it is small enough
 */
async function fitted(file, bitmap) {
  let scale = scaleInto(bitmap, mostPixels.longer, mostPixels.shorter);
  const own = scale === 1 && formats.includes(file.type) ? await urlOf(file) : '';
  if (own !== '' && own.length <= mostCharacters) return own;
  for (;;) {
    const url = await urlOf(await draw(bitmap, scale));
    if (url.length <= mostCharacters) return url;
    scale *= 0.8;
  }
}

/**
 * @param {ImageBitmap} bitmap
 * @param {number} longer
 * @param {number} shorter
 */
function scaleInto({ width, height }, longer, shorter) {
  return Math.min(1, longer / Math.max(width, height), shorter / Math.min(width, height));
}

/**
 * @param {ImageBitmap} bitmap
 * @param {number} scale
 */
async function draw(bitmap, scale) {
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (context === null) throw new PictureError('The browser cannot draw images.');
  // JPEG has no transparency.
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  return canvas.convertToBlob({ type: 'image/jpeg', quality: jpegQuality });
}

/**
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
function urlOf(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(String(reader.result)));
    reader.addEventListener('error', () => reject(new PictureError('The file cannot be read.')));
    reader.readAsDataURL(blob);
  });
}
