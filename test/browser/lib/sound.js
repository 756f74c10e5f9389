import AxeBuilder from '@axe-core/playwright'
import { expect } from '@playwright/test'

/** Expects that the page, in both themes, does not scroll sideways and that axe finds nothing serious or critical. */
export async function expectSound(page, width) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    await expectFit(page, `${width} pixels, ${colorScheme}`)
    // Of all that axe looks at, a theme changes the contrast only.
    const axe = new AxeBuilder({ page })
    await expectReadable(colorScheme === 'light' ? axe : axe.withRules(['color-contrast']), `${width} pixels, ${colorScheme}`)
  }
}

async function expectFit(page, where) {
  const wide = await page.evaluate(() => {
    const { clientWidth, scrollWidth } = document.documentElement
    if (scrollWidth <= clientWidth) return []
    return [...document.body.querySelectorAll('*')]
      .filter((e) => e.getBoundingClientRect().right > clientWidth + 1)
      .map((e) => `${e.tagName.toLowerCase()}.${e.className}`)
      .concat(`the page is ${scrollWidth} pixels wide`)
  })
  expect.soft(wide, `what is too wide at ${where}`).toEqual([])
}

async function expectReadable(axe, where) {
  const { violations } = await axe.analyze()
  const grave = violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`))
  expect.soft(grave, `what axe finds at ${where}`).toEqual([])
}
