import { readFile } from 'node:fs/promises'
import { expect, openMore, stateOf, test, useWindlass } from './lib/harness.js'
import { planted, startSite } from './lib/site.js'

const windlass = useWindlass()
let site
test.beforeAll(async () => { site = await startSite() })
test.afterAll(() => site.stop())

test('an audit from the form to its report', async ({ page }, info) => {
  await page.goto(windlass.url)
  await page.getByRole('main').getByRole('link', { name: 'New task' }).click()
  await page.getByRole('radio', { name: /Site audit/ }).check()
  await page.getByLabel('URL', { exact: true }).fill(site.url)
  await openMore(page)
  await page.getByLabel('Max pages').fill('200')
  site.allow(10)
  await page.getByRole('button', { name: 'Hand in' }).click()

  await expect(page).toHaveURL(/\/tasks\/tsk_/)
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(site.url)
  await expect(stateOf(page)).toHaveText('Active')
  const bar = page.getByRole('progressbar', { name: 'Progress' })
  const progress = async () => Number(await bar.getAttribute('aria-valuenow'))
  for (let shown = 0, before = 0; shown < 3; shown++) {
    await expect.poll(progress).toBeGreaterThan(before)
    before = await progress()
    site.allow(10)
  }
  site.allow(Infinity)
  await expect(stateOf(page)).toHaveText('Succeeded')

  const totals = page.getByRole('region', { name: 'Totals' })
  await expect(totals).toContainText(`${planted.pages}pages read`)
  await expect(totals).toContainText(`${planted.broken.length}broken`)
  const sheet = page.getByRole('tabpanel')
  await expect(sheet.getByRole('listitem')).toHaveCount(planted.broken.length)
  for (const path of planted.broken) await expect(sheet.getByRole('link', { name: path, exact: true })).toBeVisible()
  await page.getByRole('tab', { name: /Redirects/ }).click()
  await expect(sheet.getByRole('listitem')).toContainText([planted.redirect])
  await page.getByRole('tab', { name: /Titles/ }).click()
  await expect(sheet.getByRole('listitem')).toContainText([planted.untitled])

  await test.step('the report can be searched', async () => {
    await page.getByRole('tab', { name: /Broken/ }).click()
    await page.getByLabel('Filter the report').fill('team.jpg')
    await expect(sheet.getByRole('listitem')).toHaveCount(1)
    await expect(sheet).toContainText('404')
  })

  await test.step('the CSV holds every planted fault', async () => {
    const coming = page.waitForEvent('download')
    await page.getByRole('link', { name: 'CSV' }).click()
    const file = info.outputPath('report.csv')
    await (await coming).saveAs(file)
    const csv = await readFile(file, 'utf8')
    for (const path of [...planted.broken, planted.redirect, planted.untitled]) expect(csv).toContain(path)
  })

  await test.step('the report is still there after a reload', async () => {
    await page.reload()
    await expect(stateOf(page)).toHaveText('Succeeded')
    await expect(sheet.getByRole('listitem')).toHaveCount(planted.broken.length)
  })
})

test('a second audit of the same page is served at once and says how old it is', async ({ page }) => {
  const body = { kind: 'site.audit', input: { url: site.url, max_pages: 3, external: false } }
  const first = await windlass.submit(body, { wait: 30 })
  expect(first.state).toBe('succeeded')
  await page.goto(`${windlass.url}/new`)
  await page.getByLabel('URL', { exact: true }).fill(site.url)
  await openMore(page)
  await page.getByLabel('Max pages').fill('3')
  await page.getByRole('checkbox', { name: 'External' }).uncheck()
  await page.getByRole('button', { name: 'Hand in' }).click()
  await expect(page).toHaveURL(`${windlass.url}/tasks/${first.id}`)
  await expect(page.getByRole('status').filter({ hasText: 'already there' })).toBeVisible()
})
