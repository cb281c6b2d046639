/** Helpers for tests of the settings. */

import type { Page } from 'playwright-core';
import { reach } from '../chromium.ts';

/** Opens the settings of a page that is connected. */
export async function openSettings(page: Page): Promise<void> {
  await reach(page, 'ready');
  await page.locator('#open-settings').click();
}

/** Opens a disclosure. */
export async function disclose(page: Page, name: string): Promise<void> {
  await page.locator('summary').getByText(name, { exact: true }).click();
}

export const closeSettings = (page: Page) => page.getByRole('button', { name: 'Close', exact: true }).click();

/** The `session.update` in the settings. */
export async function sessionOf(page: Page): Promise<Record<string, unknown>> {
  const { session } = JSON.parse(await page.getByTestId('settings-json').inputValue());
  return session;
}

/** Replaces the JSON by hand, and leaves it. */
export async function writeJson(page: Page, text: string): Promise<void> {
  await page.getByTestId('settings-json').fill(text);
  await page.getByTestId('settings-json').blur();
}

type Session = Record<string, unknown>;

/** Reloads a page, and watches the sessions that its server confirms from then on. */
export async function watchSession(
  page: Page,
): Promise<{ until(fits: (session: Session) => boolean): Promise<Session> }> {
  const updated: Session[] = [];
  let notify = () => {};
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      const event = JSON.parse(payload.toString());
      if (event.type === 'session.updated') updated.push(event.session);
      notify();
    }),
  );
  await page.reload();
  return {
    async until(fits) {
      for (;;) {
        const found = updated.find(fits);
        if (found) return found;
        await new Promise<void>((resolve) => {
          notify = resolve;
        });
      }
    },
  };
}
