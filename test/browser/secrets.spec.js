// Stored secrets: kept by name, replaced, deleted, and never shown again.

import { expect, openMore, stateOf, test, useWindlass } from './lib/harness.js'
import { expectSound } from './lib/sound.js'

const key = Buffer.alloc(32, 7).toString('base64')
const windlass = useWindlass({ env: { WINDLASS_SECRETS_KEY: key } })
const keyless = useWindlass()
const token = 'a token long enough to be one: 7f3a91c2'
const guarded = useWindlass({ env: { WINDLASS_SECRETS_KEY: key, WINDLASS_ADMIN_TOKEN: token } })
const value = 'tok-5f1c-9a7e-on-this-page-only'

const dialog = (page) => page.getByRole('dialog')
const row = (page, name) => page.getByRole('row').filter({ hasText: name })

async function put(name, body) {
  const response = await fetch(`${windlass.url}/api/v1/secrets/${name}`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  expect(response.status).toBe(200)
}

test('a secret is stored, replaced and deleted, and nothing shows it', async ({ page, expected }) => {
  expected.push(/status of 422/)
  const answers = []
  page.on('response', async (r) => { if (r.url().includes('/api/')) answers.push(await r.text().catch(() => '')) })
  await page.goto(`${windlass.url}/tasks`)
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('link', { name: 'Secrets' }).click()
  await expect(page.getByRole('heading', { name: 'No secret is stored yet' })).toBeVisible()

  await page.getByRole('button', { name: 'New secret' }).click()
  await expect(page.getByLabel('Name')).toBeFocused()
  await page.getByLabel('Name').fill('Orders Token')
  await page.getByLabel('Value').fill('short')
  await page.getByLabel('Hosts').fill('https://api.example.com')
  await page.getByRole('button', { name: 'Store' }).click()
  await expect(dialog(page)).toContainText('Value must not be shorter than 8')
  await expect(dialog(page)).toContainText('Name must be 1 to 64 of a-z')
  await expect(page.getByLabel('Hosts')).toHaveValue('https://api.example.com')
  await page.getByLabel('Name').fill('orders-token')
  await page.getByLabel('Value').fill(value)
  await page.getByRole('button', { name: 'Store' }).click()
  await expect(dialog(page)).toContainText('Hosts must be a host such as')
  await page.getByLabel('Hosts').fill('api.example.com, *.example.org')
  await page.keyboard.press('Enter')
  await expect(row(page, 'orders-token')).toContainText('Sent to api.example.com, *.example.org')
  await expect(row(page, 'orders-token')).toContainText('not yet')

  await page.getByRole('button', { name: 'Replace orders-token' }).click()
  await expect(page.getByLabel('Hosts')).toHaveValue('api.example.com, *.example.org')
  await expect(page.getByLabel('Value', { exact: true })).toHaveValue('')
  await page.getByRole('button', { name: 'Make a signing secret' }).click()
  await expect(page.getByLabel('Value', { exact: true })).toHaveValue(/^whsec_[A-Za-z0-9+/]{43}=$/)
  const made = await page.getByLabel('Value', { exact: true }).inputValue()
  await page.getByRole('button', { name: 'Replace', exact: true }).click()
  await expect(row(page, 'orders-token')).toContainText('Signs (v1)')
  await expect(row(page, 'orders-token')).toContainText('the one before ends in ')
  await page.reload()
  await expect(row(page, 'orders-token')).toBeVisible()
  expect(await page.content()).not.toContain(made)
  for (const text of answers) {
    expect(text).not.toContain(value)
    expect(text).not.toContain(made)
  }

  await page.getByRole('button', { name: 'Delete orders-token' }).click()
  await page.getByRole('button', { name: 'Delete for good' }).click()
  await expect(page.getByRole('heading', { name: 'No secret is stored yet' })).toBeVisible()
})

test('a task refers to a secret by its name', async ({ page, expected }) => {
  expected.push(/status of 422/)
  await put('hooks', { value: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' })
  await page.goto(`${windlass.url}/new?kind=http.request`)
  await page.getByLabel('URL', { exact: true }).fill(`${windlass.url}/livez`)
  await openMore(page)
  await page.getByLabel('Secret name').fill('unknown')
  await page.getByRole('button', { name: 'Hand in' }).click()
  await expect(page.getByText('Secret name must name a stored secret')).toBeVisible()
  await page.getByLabel('Secret name').fill('hooks')
  await page.getByRole('button', { name: 'Hand in' }).click()
  await expect(stateOf(page)).toHaveText('Succeeded')
  await page.goto(`${windlass.url}/secrets`)
  await expect(row(page, 'hooks')).toContainText(/ago/)
})

test('the secrets fit and can be read', async ({ page }) => {
  await put('a-token-with-a-name-that-is-as-long-as-names-of-secrets-may-be', { value, hosts: ['a.very.long.name.of.a.host.that.has.many.labels.example.com', '*.example.org'] })
  await put('pair', { value: `whsk_${Buffer.alloc(32, 9).toString('base64')}`, hosts: [] })
  await put('pair', { value: `whsk_${Buffer.alloc(32, 8).toString('base64')}`, keep_previous: '24h' })
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 844 })
    await page.goto(`${windlass.url}/secrets`)
    await expect(row(page, 'pair')).toContainText('whpk_')
    await expectSound(page, width)
    await page.getByRole('button', { name: 'Replace pair' }).click()
    await expect(dialog(page)).toBeVisible()
    await expectSound(page, width)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await expect(dialog(page)).toBeHidden()
  }
})

test('a server without a key says what to configure', async ({ page, expected }) => {
  expected.push(/status of 409/)
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 844 })
    await page.goto(`${keyless.url}/secrets`)
    await expect(page.getByText('WINDLASS_SECRETS_KEY_FILE')).toBeVisible()
    await expectSound(page, width)
  }
})

test('who is no administrator is told whom to ask', async ({ page, expected }) => {
  expected.push(/status of 403/)
  const response = await fetch(`${guarded.url}/api/v1/tokens`, {
    method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }, body: JSON.stringify({ name: 'reader', role: 'viewer' }),
  })
  await page.goto(`${guarded.url}/secrets`)
  await page.getByLabel('Token').fill((await response.json()).token)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { name: 'Only an administrator sees the secrets' })).toBeVisible()
  await page.getByRole('button', { name: 'Settings' }).click()
  await expect(page.getByRole('link', { name: 'Sessions' })).toBeVisible()
  await expect(page.getByRole('link', { name: 'Secrets' })).toBeHidden()
})
