/** Images in messages: by paste, drop and file. */

import assert from 'node:assert/strict';
import { suite, type TestContext, test } from 'node:test';
import { fakeEngines } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { inBrowser, openPage, reach } from './chromium.ts';

/** A page with a model that records what it sees. */
async function openWithModel(t: TestContext) {
  const engines = fakeEngines();
  const server = await newServer(t, { engines: fakeEngineSet(engines) });
  const opened = await openPage(t, server.url, { stored: { transport: 'webrtc' } });
  await reach(opened.page, 'ready');
  /** The messages of the user in the last request, as texts and the types and lengths of images. */
  const seen = () =>
    (engines.languageModel.requests.at(-1)?.items ?? []).flatMap((item) =>
      item.type === 'message' && item.role === 'user' ? item.content : [],
    );
  return { ...opened, seen };
}

/** Pastes or drops an image of this size, whose pixels are noise; with `text`, as office programs do. */
const bring = async ([how, width, height, text]: readonly ['paste' | 'drop', number, number, string?]) => {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  const pixels = context?.createImageData(width, height);
  if (!context || !pixels) throw new Error('no canvas');
  let state = 1;
  for (let i = 0; i < pixels.data.length; i++) {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    pixels.data[i] = i % 4 === 3 ? 255 : state >> 16;
  }
  context.putImageData(pixels, 0, 0);
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([await canvas.convertToBlob()], `${how}.png`, { type: 'image/png' }));
  if (text !== undefined) clipboardData.items.add(text, 'text/plain');
  const place = document.querySelector('#conversation .scroller');
  const options = { bubbles: true, cancelable: true };
  place?.dispatchEvent(
    how === 'paste'
      ? new ClipboardEvent('paste', { ...options, clipboardData })
      : new DragEvent('drop', { ...options, dataTransfer: clipboardData }),
  );
};

suite('images in messages in Chromium', inBrowser, () => {
  test('a pasted and a dropped image are sent with the text, scaled down if they are large', async (t) => {
    const { page, seen, complaints } = await openWithModel(t);
    const previews = page.getByTestId('pictures').getByRole('img');
    await page.evaluate(bring, ['paste', 40, 30] as const);
    await previews.first().waitFor();
    await page.evaluate(bring, ['drop', 2600, 1900] as const);
    await previews.nth(1).waitFor();
    assert.deepEqual(await previews.evaluateAll((all) => all.map((image) => image.getAttribute('alt'))), [
      'paste.png',
      'drop.png',
    ]);
    await page.getByTestId('text-input').fill('What is this?');
    await page.getByTestId('send').click();
    await reach(page, 'agent-speaks');
    const [small, large, text] = seen();
    assert.ok(small?.type === 'image' && large?.type === 'image');
    assert.match(small.url, /^data:image\/png;base64,/);
    assert.match(large.url, /^data:image\/jpeg;base64,/);
    assert.ok(large.url.length <= 230_000, `${large.url.length} characters`);
    assert.deepEqual(text, { type: 'text', text: 'What is this?' });
    const sent = page.locator('[data-role=user] img');
    assert.deepEqual(await sent.evaluateAll((all) => all.map((image) => image.getAttribute('alt'))), [
      'paste.png',
      'drop.png',
    ]);
    assert.equal(await previews.count(), 0);
    assert.deepEqual(complaints, []);
  });

  test('a message waits for its images, and at most four of them are read', async (t) => {
    const { page, seen, complaints } = await openWithModel(t);
    await page.evaluate(bring, ['paste', 40, 30, 'A table.'] as const);
    await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['Hello.'], 'notes.txt'));
      const drop = new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer });
      if (document.querySelector('header')?.dispatchEvent(drop)) throw new Error('the file replaces the page');
    });
    await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(40, 30);
      canvas.getContext('2d');
      const image = await canvas.convertToBlob();
      const dataTransfer = new DataTransfer();
      for (let i = 0; i < 1000; i++) dataTransfer.items.add(new File([image], `${i}.png`, { type: 'image/png' }));
      let decoded = 0;
      const decode = createImageBitmap;
      Object.assign(window, {
        createImageBitmap: (file: Blob) => {
          Object.assign(window, { decoded: ++decoded });
          return decode(file);
        },
      });
      const input = document.querySelector<HTMLInputElement>('#text-input');
      if (input === null) throw new Error('no input');
      input.value = 'What are these?';
      const place = document.querySelector('#conversation');
      place?.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer }));
      input.form?.requestSubmit();
    });
    await page.getByText('A message has at most 4 images.').waitFor();
    await reach(page, 'agent-speaks');
    const types = seen().map(({ type }) => type);
    assert.deepEqual(types, ['image', 'image', 'image', 'image', 'text']);
    assert.equal(await page.evaluate(() => Reflect.get(window, 'decoded')), 4);
    assert.deepEqual(complaints, []);
  });

  test('a chosen file can be removed before it is sent, and a file that is no image is refused', async (t) => {
    const { page, seen, complaints } = await openWithModel(t);
    const files = page.getByTestId('picture-files');
    await files.setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('Hello.') });
    await page.getByText('notes.txt is not an image. Choose a JPEG, PNG, WebP or GIF.').waitFor();
    await files.setInputFiles({ name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from('Hello.') });
    await page.getByText('broken.png cannot be read.').waitFor();

    await page.evaluate(bring, ['paste', 40, 30] as const);
    await page.getByRole('button', { name: 'Remove paste.png' }).click();
    assert.equal(await page.getByTestId('pictures').getByRole('img').count(), 0);
    await page.getByTestId('text-input').fill('Hello.');
    await page.getByTestId('send').click();
    await reach(page, 'agent-speaks');
    assert.deepEqual(seen(), [{ type: 'text', text: 'Hello.' }]);
    assert.deepEqual(complaints, []);
  });
});
