import { expect, rowsOf, stateOf, test, useWindlass } from './lib/harness.js'

const windlass = useWindlass()
// Of what happens before the page has its stream of events it may hear nothing.
const live = (page) => expect(page.getByRole('banner').getByText('Live', { exact: true })).toBeVisible()
const echo = (message, { input, ...rest } = {}) => ({ kind: 'demo.echo', input: { message, ...input }, ...rest })

test.beforeAll(async () => {
  await windlass.submitAll(Array.from({ length: 90 }, (_, i) => echo(`row ${i}`, { tags: ['many'] })))
  await windlass.submit(echo('broken one', { input: { fail: true }, policy: { max_attempts: 1 } }), { wait: 20 })
})

test('rows that arrive wait behind a count and move nothing', async ({ page }) => {
  await page.goto(`${windlass.url}/tasks?tag=fresh`)
  await expect(page.getByRole('heading', { name: /matches/ })).toBeVisible()
  await live(page)
  await windlass.submit(echo('first', { tags: ['fresh'] }))
  await expect(rowsOf(page)).toHaveCount(1)

  await windlass.submitAll([echo('second', { tags: ['fresh'] }), echo('third', { tags: ['fresh'] })])
  const pill = page.getByRole('button', { name: '2 new tasks' })
  await expect(pill).toBeVisible()
  await expect(rowsOf(page)).toHaveCount(1)
  await pill.click()
  await expect(rowsOf(page)).toContainText(['third', 'second', 'first'])
  await expect(pill).toBeHidden()
})

test('a row changes where it stands', async ({ page }) => {
  const task = await windlass.submit(echo('in place', { tags: ['still'], input: { sleep: '10m' } }))
  await page.goto(`${windlass.url}/tasks?tag=still`)
  await expect(rowsOf(page)).toContainText(['Active'])
  await live(page)
  await windlass.cancel(task.id)
  await expect(rowsOf(page)).toContainText(['Canceled'])
})

test('what changes between the list and its stream of events is seen', async ({ page }) => {
  const task = await windlass.submit(echo('between', { tags: ['between'], input: { sleep: '10m' } }))
  let letGo
  const held = new Promise((resolve) => { letGo = resolve })
  await page.route('**/api/v1/events*', async (route) => { await held; await route.continue() })
  await page.goto(`${windlass.url}/tasks?tag=between`)
  await expect(rowsOf(page)).toContainText(['Active'])
  await windlass.cancel(task.id)
  letGo()
  await live(page)
  await expect(rowsOf(page)).toContainText(['Canceled'])
})

test('the filter is in the address and outlives a reload', async ({ page }) => {
  await page.goto(`${windlass.url}/tasks`)
  await page.getByRole('navigation', { name: 'State' }).getByRole('link', { name: /Failed/ }).click()
  await page.getByRole('button', { name: 'Filter' }).click()
  await page.getByLabel('Kind').selectOption('demo.echo')
  await expect(page).toHaveURL(/\?state=failed&kind=demo\.echo$/)
  await expect(rowsOf(page)).toContainText(['broken one'])
  await page.reload()
  await expect(page).toHaveURL(/\?state=failed&kind=demo\.echo$/)
  await expect(rowsOf(page)).toContainText(['broken one'])
  await expect(rowsOf(page)).toHaveCount(1)
  await expect(page.getByRole('list', { name: 'Filters in force' })).toContainText('demo.echo')
})

test('a task stays open over a reload', async ({ page }) => {
  await page.goto(`${windlass.url}/tasks?state=failed`)
  await rowsOf(page).filter({ hasText: 'broken one' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('broken one')
  const address = page.url()
  await page.reload()
  await expect(page).toHaveURL(address)
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('broken one')
  await expect(stateOf(page)).toHaveText('Failed')
})

test('the way back leads to the same place in the list', async ({ page }) => {
  await page.goto(`${windlass.url}/tasks?tag=many`)
  await expect(rowsOf(page)).toHaveCount(50)
  await page.getByRole('button', { name: 'Load older' }).click()
  await expect(rowsOf(page)).toHaveCount(90)
  const row = rowsOf(page).nth(70)
  await row.scrollIntoViewIfNeeded()
  const before = await page.evaluate(() => scrollY)
  expect(before).toBeGreaterThan(1000)
  await row.click()
  await expect(page.getByRole('heading', { level: 1 })).toContainText('row')
  await page.goBack()
  await expect(rowsOf(page)).toHaveCount(90)
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(before)
})

test('the first view weighs at most 60 KB', async ({ page, context }) => {
  const weights = new Map()
  context.on('requestfinished', (request) => weights.set(new URL(request.url()).pathname, request.sizes()))
  // The parts that it loads ahead count as well.
  const ahead = ['new', 'task'].map((part) => page.waitForEvent('requestfinished', (r) => r.url().includes(`/assets/${part}-`)))
  await page.goto(`${windlass.url}/tasks`)
  await expect(rowsOf(page)).toHaveCount(50)
  await Promise.all(ahead)
  let sum = 0
  const parts = []
  for (const [path, sizes] of weights) {
    const { responseBodySize, responseHeadersSize } = await sizes
    sum += responseBodySize + responseHeadersSize
    parts.push(`${path} ${responseBodySize}`)
  }
  expect(weights.size).toBeGreaterThan(5)
  expect(sum, parts.join('\n')).toBeLessThanOrEqual(60 * 1024)
})
