// The audit trail: what admins find there.

import { expect, test, useWindlass } from './lib/harness.js'
import { expectSound } from './lib/sound.js'

const admin = 'a token long enough to be one: 7f3a91c2'
const windlass = useWindlass({ env: { WINDLASS_ADMIN_TOKEN: admin } })
windlass.token = admin

test('who changed what, and who was refused, is found and narrowed down', async ({ page, expected }) => {
  expected.push(/status of 401/)
  const shop = await windlass.makeToken({ name: 'Shop, production', role: 'submitter' })
  const task = await windlass.submit({ kind: 'demo.echo', input: { message: 1 }, delay: '9h' })
  await windlass.cancel(task.id)
  windlass.token = shop.token
  await expect(windlass.revokeToken(shop.id)).rejects.toThrow('403')
  windlass.token = admin

  await page.goto(`${windlass.url}/audit`)
  await page.getByLabel('Token').fill(admin)
  await page.keyboard.press('Enter')
  const rows = page.locator('tbody tr')
  await expect(rows).toHaveCount(4)
  await expect(rows.first()).toContainText('Sign in')
  await expect(rows.nth(1)).toContainText('Shop, production')
  await expect(rows.nth(1)).toContainText('Refused')
  await expect(page.getByText('4 entries, all of them')).toBeVisible()

  await rows.nth(2).getByRole('link', { name: 'Cancel task' }).click()
  await expect(page).toHaveURL(/\?action=cancelTask$/)
  await expect(rows).toHaveCount(1)
  await rows.first().getByRole('link', { name: task.id }).click()
  await expect(page.locator('.title .state')).toHaveText('Canceled')
  await page.goBack()
  await page.getByRole('link', { name: 'Clear the filter' }).click()
  await page.getByRole('button', { name: 'Filter' }).click()
  await page.getByLabel('Outcome').selectOption('refused')
  await expect(rows).toHaveCount(1)
  await page.getByLabel('Who', { exact: true }).fill('tok_nobody')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Nothing matches' })).toBeVisible()

  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 844 })
    await page.goto(`${windlass.url}/audit?outcome=refused`)
    await expect(rows).toHaveCount(1)
    await expectSound(page, width)
  }
})
