import { expect, openMore, stateOf, test, useWindlass } from './lib/harness.js'

const windlass = useWindlass()

test('faults stand beside their fields in the words of the API, and nothing typed is lost', async ({ page, expected }) => {
  expected.push(/status of 422/)
  const faults = {
    URL: ['ftp://example.com/files', 'input.url', { url: 'ftp://example.com/files' }],
    'Max pages': ['999999', 'input.max_pages', { url: 'http://example.com/', max_pages: 999999 }],
  }
  await page.goto(`${windlass.url}/new?kind=site.audit`)
  const url = page.getByLabel('URL', { exact: true })
  const pages = page.getByLabel('Max pages')
  const send = page.getByRole('button', { name: 'Hand in' })
  await openMore(page)
  await page.getByRole('textbox', { name: 'Tags' }).fill('order:1182')
  for (const [label, [typed, location, input]] of Object.entries(faults)) {
    const said = (await windlass.faults({ kind: 'site.audit', input })).filter((f) => f.location === `body.${location}`)
    expect(said, `what the API says about ${location}`).toHaveLength(1)
    await url.fill(input.url)
    await pages.fill(String(input.max_pages ?? ''))
    await send.click()
    const field = page.getByLabel(label, { exact: true })
    await expect(field).toHaveAttribute('aria-invalid', 'true')
    await expect(field).toHaveAccessibleDescription(new RegExp(said[0].message.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    await expect(field).toBeFocused()
    await expect(field).toHaveValue(typed)
    await expect(page.getByRole('textbox', { name: 'Tags' })).toHaveValue('order:1182')
  }
  await test.step('nor by a reload', async () => {
    await page.reload()
    await expect(url).toHaveValue('http://example.com/')
    await expect(pages).toHaveValue('999999')
    await expect(page.getByRole('textbox', { name: 'Tags' })).toHaveValue('order:1182')
  })
})

test('a required field left empty is said without asking the server', async ({ page }) => {
  await page.goto(`${windlass.url}/new?kind=site.audit`)
  await page.getByRole('button', { name: 'Hand in' }).click()
  await expect(page.getByLabel('URL', { exact: true })).toBeFocused()
  await expect(page.getByLabel('URL', { exact: true })).toHaveAccessibleDescription(/is needed/)
  await expect(page).toHaveURL(/\/new/)
})

test('an integer beyond 2^53 goes through the form unchanged', async ({ page }) => {
  await page.goto(`${windlass.url}/new?kind=demo.echo`)
  await page.getByLabel('Message').fill('9007199254740993')
  await page.getByRole('button', { name: 'Hand in' }).click()
  await expect(stateOf(page)).toHaveText('Succeeded')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('9007199254740993')
  await expect(page.getByRole('region', { name: 'Result' })).toContainText('9007199254740993')
})

test('the input can be edited as JSON and back', async ({ page }) => {
  await page.goto(`${windlass.url}/new?kind=demo.echo`)
  await page.getByRole('button', { name: 'Fill in the example' }).click()
  await page.getByRole('radio', { name: 'JSON' }).check()
  await page.getByLabel('Input as JSON').fill('{"message": [1, 2, 9007199254740993]}')
  await page.getByRole('radio', { name: 'Form' }).check()
  await expect(page.getByLabel('Message')).toHaveValue(/9007199254740993/)
  await page.getByRole('button', { name: 'Hand in' }).click()
  await expect(stateOf(page)).toHaveText('Succeeded')
})

test('a task may start later', async ({ page }) => {
  await page.goto(`${windlass.url}/new?kind=demo.echo`)
  await page.getByLabel('Message').fill('tomorrow')
  await openMore(page)
  await page.getByRole('radio', { name: 'After a while' }).check()
  await page.getByLabel('Start after').fill('24h')
  await page.getByRole('button', { name: 'Hand in' }).click()
  await expect(stateOf(page)).toHaveText('Scheduled')
  await expect(page.locator('.why')).toContainText('Waits 23 h 59 min more')
})
