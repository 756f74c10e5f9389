// Tokens, sessions and shared tasks: who sees what, and who is out at once.

import { expect, rowsOf, stateOf, test as base, useWindlass } from './lib/harness.js'
import { expectSound } from './lib/sound.js'

const admin = 'a token long enough to be one: 7f3a91c2'
const windlass = useWindlass({ env: { WINDLASS_ADMIN_TOKEN: admin } })
windlass.token = admin
const echo = (message, rest = {}) => ({ kind: 'demo.echo', input: { message }, ...rest })

/** Signs a page in and goes to a path. */
async function signIn(page, token, path = '/tasks') {
  await page.goto(windlass.url + path)
  await page.getByLabel('Token').fill(token)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('navigation', { name: 'Main' })).toBeVisible()
}

const test = base.extend({
  /** A second reader with a browser of their own. */
  other: async ({ browser }, use) => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' })
    await use(await context.newPage())
    await context.close()
  },
})

async function menu(page, item) {
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('link', { name: item, exact: true }).click()
}

test('a token is made, shown once, used, and revoked at once', async ({ page, other, expected }) => {
  expected.push(/status of 4(01|22)/)
  await signIn(page, admin)
  await menu(page, 'Tokens')
  await page.getByRole('button', { name: 'New token' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Make token' }).click()
  await expect(dialog.getByLabel('What is it for?')).toHaveAttribute('aria-invalid', 'true')
  await dialog.getByLabel('What is it for?').fill('Shop, production')
  await dialog.getByRole('radio', { name: /submitter/ }).check()
  await dialog.getByRole('radio', { name: '30 days' }).check()
  await dialog.getByRole('button', { name: 'Make token' }).click()
  const text = await dialog.getByLabel('Token').inputValue()
  expect(text).toMatch(/^wl_\w{49}$/)
  await dialog.getByRole('button', { name: 'Done' }).click()
  await expect(page.getByRole('row', { name: /Shop, production/ })).toContainText('never')
  await expect(page.getByRole('main')).not.toContainText(text)

  await signIn(other, text)
  await other.getByRole('button', { name: 'Settings' }).click()
  await expect(other.getByText('Shop, production')).toBeVisible()
  await expect(other.getByRole('link', { name: 'Tokens' })).toBeHidden()
  await other.keyboard.press('Escape')

  await page.reload()
  await expect(page.getByRole('row', { name: /Shop, production/ })).toContainText('ago')
  await page.getByRole('button', { name: 'Revoke Shop, production' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke for good' }).click()
  await expect(page.getByRole('row', { name: /Shop, production/ })).toContainText('revoked')
  await other.getByRole('link', { name: 'Queues' }).click()
  await expect(other.getByLabel('Token')).toBeVisible()
})

test('a submitter acts on its own tasks and looks at others', async ({ page }) => {
  const { token } = await windlass.makeToken({ name: 'Cron', role: 'submitter' })
  const theirs = await windlass.submit(echo('theirs', { delay: '2h' }))
  await signIn(page, token, '/new?kind=demo.echo')
  await page.getByLabel('Message').fill('mine')
  await page.locator('summary', { hasText: 'More' }).click()
  await page.getByRole('radio', { name: 'After a while' }).check()
  await page.getByLabel('Start after').fill('24h')
  await page.getByRole('button', { name: 'Hand in' }).click()
  await expect(stateOf(page)).toHaveText('Scheduled')
  await expect(page.getByRole('complementary', { name: 'Facts' })).toContainText('you')
  await expect(page.getByRole('button', { name: 'Run now' })).toBeHidden()
  await page.getByRole('button', { name: 'Cancel' }).click()
  await expect(stateOf(page)).toHaveText('Canceled')
  await expect(page.getByRole('button', { name: 'Delete' })).toBeHidden()

  await page.goto(`${windlass.url}/tasks/${theirs.id}`)
  await expect(stateOf(page)).toHaveText('Scheduled')
  await expect(page.getByRole('button', { name: 'Cancel' })).toBeHidden()
})

test('a viewer sees all and is offered nothing that would be refused', async ({ page }) => {
  const { token } = await windlass.makeToken({ name: 'Wall', role: 'viewer' })
  const task = await windlass.submit(echo('seen'), { wait: 20 })
  await signIn(page, token)
  await expect(rowsOf(page).filter({ hasText: 'seen' })).toBeVisible()
  await expect(page.getByRole('link', { name: 'New task' })).toBeHidden()
  await page.goto(`${windlass.url}/tasks/${task.id}`)
  await expect(stateOf(page)).toHaveText('Succeeded')
  for (const name of ['Delete', 'Retry', 'Share']) await expect(page.getByRole('button', { name })).toBeHidden()
  await expect(page.getByRole('link', { name: 'Run again' })).toBeHidden()
  await page.goto(`${windlass.url}/new`)
  await expect(page.getByRole('heading', { name: /may not hand tasks in/ })).toBeVisible()
})

test('a session is ended from another browser', async ({ page, other }) => {
  const { token } = await windlass.makeToken({ name: 'Ann', role: 'operator' })
  await signIn(page, token)
  await signIn(other, token)
  await menu(page, 'Sessions')
  await expect(page.locator('tbody tr')).toHaveCount(2)
  await expect(page.locator('tbody tr').filter({ hasText: 'this one' })).toHaveCount(1)
  await page.locator('tbody tr').filter({ hasNotText: 'this one' }).getByRole('button', { name: /Sign out/ }).click()
  await expect(page.locator('tbody tr')).toHaveCount(1)
  await other.reload()
  await expect(other.getByLabel('Token')).toBeVisible()
})

test('a shared task is followed by somebody who cannot sign in, until its maker is out', async ({ page, other, expected }) => {
  expected.push(/status of 401/) // The maker's own page may ask once more.
  const { token, id } = await windlass.makeToken({ name: 'Ben', role: 'submitter' })
  const task = await windlass.submit(echo('for everybody', { delay: '3h' }))
  await signIn(page, token, `/tasks/${task.id}`)
  await page.getByRole('button', { name: 'Share' }).click()
  const field = page.getByRole('dialog').getByLabel('Link')
  await expect(field).not.toHaveValue('')
  const link = await field.inputValue()
  expect(link).toContain(`${windlass.url}/tasks/${task.id}#link=wll_`)

  await other.goto(link)
  await expect(other.getByRole('heading', { level: 1 })).toHaveText('for everybody')
  await expect(other.getByRole('banner').getByText('Live', { exact: true })).toBeVisible()
  await expect(other.getByRole('navigation')).toBeHidden()
  await expect(other.getByRole('button', { name: 'Cancel' })).toBeHidden()
  for (const width of [390, 1440]) {
    await other.setViewportSize({ width, height: 844 })
    await expectSound(other, width)
  }
  await windlass.cancel(task.id)
  await expect(stateOf(other)).toHaveText('Canceled')
  await windlass.revokeToken(id)
  await other.reload()
  await expect(other.getByRole('heading', { name: 'This link is over' })).toBeVisible()
})

test('the screens of tokens and sessions fit and can be read', async ({ page }) => {
  await windlass.makeToken({ name: 'A name that is longer than any column of a table on any screen would ever like'.padEnd(100, '!'), role: 'submitter', kinds: ['demo.echo', 'http.request', 'site.audit'], queues: ['default', 'low'] })
  await signIn(page, admin)
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 844 })
    await page.goto(`${windlass.url}/tokens`)
    await expect(page.locator('tbody tr').first()).toBeVisible()
    await expectSound(page, width)
    await page.getByRole('button', { name: 'New token' }).click()
    await page.locator('summary', { hasText: 'Bind it' }).click()
    await expect(page.getByRole('checkbox', { name: 'demo.echo' })).toBeVisible()
    await expectSound(page, width)
    await page.goto(`${windlass.url}/sessions`)
    await page.getByRole('radio', { name: 'All' }).check()
    await expect(page.locator('tbody tr').first()).toBeVisible()
    await expectSound(page, width)
  }
})
