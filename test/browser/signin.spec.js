import { expect, test, useWindlass } from './lib/harness.js'
import { expectSound } from './lib/sound.js'

const token = 'a token long enough to be one: 7f3a91c2'
const windlass = useWindlass({ env: { WINDLASS_ADMIN_TOKEN: token } })

test('a wrong token is refused, the right one holds until the reader signs out', async ({ page, context, expected }) => {
  expected.push(/status of 401/)
  await page.goto(`${windlass.url}/tasks?state=failed`)
  const field = page.getByLabel('Token')
  await expect(field).toBeFocused()
  await field.fill('not the token')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('alert')).not.toBeEmpty()
  await expect(field).toHaveValue('not the token')

  await field.fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { name: 'Tasks' })).toBeVisible()
  await expect(page).toHaveURL(/\?state=failed$/)
  const [cookie] = await context.cookies()
  expect(cookie).toMatchObject({ name: '__Host-windlass_session', httpOnly: true, sameSite: 'Lax', secure: true, path: '/' })
  expect(cookie.value).not.toContain(token)

  await page.reload()
  await expect(page.getByRole('heading', { name: 'Tasks' })).toBeVisible()
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await expect(field).toBeVisible()
  await page.reload()
  await expect(field).toBeVisible()
})

test('a session that ends leads to the sign-in and back', async ({ page, context, expected }) => {
  expected.push(/status of 401/)
  await page.goto(`${windlass.url}/new?kind=demo.echo`)
  await page.getByLabel('Token').fill(token)
  await page.keyboard.press('Enter')
  await page.getByLabel('Message').fill('typed before it ended')
  await context.clearCookies()
  await page.getByRole('button', { name: 'Hand in' }).click()
  await page.getByLabel('Token').fill(token)
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Message')).toHaveValue('typed before it ended')
})

test('who signs in after somebody else finds nothing of theirs', async ({ page, context, expected }) => {
  expected.push(/status of 401/)
  const asked = { method: 'POST', headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }, body: JSON.stringify({ name: 'Ben', role: 'submitter' }) }
  const { token: other } = await (await fetch(`${windlass.url}/api/v1/tokens`, asked)).json()
  await page.goto(`${windlass.url}/new?kind=demo.echo`)
  await page.getByLabel('Token').fill(token)
  await page.keyboard.press('Enter')
  await page.getByLabel('Message').fill('for my eyes')
  await context.clearCookies()
  await page.getByRole('button', { name: 'Hand in' }).click()
  await page.getByLabel('Token').fill(other)
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Message')).toHaveValue('')
})

test('the sign-in fits and can be read', async ({ page }) => {
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 844 })
    await page.goto(windlass.url)
    await expect(page.getByLabel('Token')).toBeVisible()
    await expectSound(page, width)
  }
})
