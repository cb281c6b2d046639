/** What makes a view hard to use: findings of axe-core, and parts that are too wide for the window. */

import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** Findings of the views that were checked, on a wide and on a narrow window. */
export function accessibilityOf(page: Page): { found: string[]; check(view: string): Promise<void> } {
  const found: string[] = [];
  return {
    found,
    async check(view) {
      for (const size of [
        { width: 1280, height: 800 },
        { width: 320, height: 640 },
      ]) {
        await page.setViewportSize(size);
        found.push(...(await findings(page)).map((finding) => `${view}, ${size.width} px: ${finding}`));
      }
    },
  };
}

/** Findings of axe-core in the current view, as text; parts that are too wide for the window, too. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const checker: typeof axe = Reflect.get(window, 'axe');
    const { violations } = await checker.run(document, { rules: { 'target-size': { enabled: true } } });
    const tooWide = [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
      .map((element) => `too wide: ${element.outerHTML.slice(0, 100)}`);
    return [
      ...violations.flatMap(({ id, nodes }) =>
        nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
      ),
      ...tooWide,
    ];
  });
}
