// Every screen at the width of a phone and of a desk, light and dark: nothing
// scrolls sideways, and axe finds nothing serious.

import { expect, openMore, rowsOf, stateOf, test, useWindlass } from './lib/harness.js'
import { expectSound } from './lib/sound.js'
import { startSite } from './lib/site.js'

const windlass = useWindlass()
const tasks = {}
let site

test.beforeAll(async () => {
  site = await startSite()
  const echo = (input, rest) => ({ kind: 'demo.echo', input, ...rest })
  const long = 'a message of many words that no phone shows in one line, and_one_word_that_is_longer_than_any_screen_'.padEnd(260, 'x')
  const [audit, request, failed, done] = await Promise.all([
    windlass.submit({ kind: 'site.audit', input: { url: site.url } }, { wait: 40 }),
    windlass.submit({ kind: 'http.request', input: { url: site.url } }, { wait: 40 }),
    windlass.submit(echo({ message: long, fail: true, sleep: '1100ms' }, { policy: { max_attempts: 2 }, tags: ['order:1182', 'x'.repeat(64)] }), { wait: 40 }),
    windlass.submit(echo({ message: { text: long, list: [1, 2.5, null, { deep: [long] }] } }), { wait: 40 }),
  ])
  const running = await windlass.submit(echo({ message: 'runs', sleep: '30m' }))
  const retrying = await windlass.submit(echo({ message: 'tries', fail: true }, { policy: { min_backoff: '30m', max_backoff: '30m' } }))
  const scheduled = await windlass.submit(echo({ message: 'waits' }, { delay: '20h' }))
  const pending = await windlass.submit(echo({ message: 'stuck' }, { queue: 'unserved' }))
  const canceled = await windlass.cancel((await windlass.submit(echo({ message: 'called off' }, { delay: '1h' }))).id)
  Object.assign(tasks, { audit, request, failed, done, running, retrying, scheduled, pending, canceled })
})
test.afterAll(() => site.stop())

const heading = (name) => (page) => expect(page.getByRole('heading', { name })).toBeVisible()
const state = (word) => (page) => expect(stateOf(page)).toHaveText(word)
const list = async (page) => {
  await expect(rowsOf(page)).toHaveCount(9)
  await expect(rowsOf(page).filter({ hasText: 'Retrying' })).toHaveCount(1)
}

/** Each screen: where it is, and what brings it about and waits until it stands. */
const screens = {
  'the list': ['/tasks', list],
  'the list with its filter': ['/tasks', async (page) => {
    await list(page)
    await page.getByRole('button', { name: 'Filter' }).click()
    await expect(page.getByLabel('Kind').getByRole('option')).not.toHaveCount(1)
  }],
  'a list where nothing matches': ['/tasks?queue=nowhere&state=failed', heading(/matches/)],
  'the form of an audit': ['/new?kind=site.audit', (page) => expect(page.getByLabel('URL', { exact: true })).toBeVisible()],
  'the whole form of a request, with faults': ['/new?kind=http.request', async (page) => {
    await openMore(page)
    await page.getByRole('button', { name: 'Hand in' }).click()
    await expect(page.getByRole('alert')).toContainText('another look')
  }],
  'the form as JSON': ['/new?kind=demo.echo&example=1', async (page) => {
    await page.getByRole('radio', { name: 'JSON' }).check()
    await expect(page.getByLabel('Input as JSON')).toHaveValue(/Hello/)
  }],
  'a report': ['audit', (page) => expect(page.getByRole('tabpanel')).toBeVisible()],
  'an answer': ['request', heading('Response')],
  'a result of any shape': ['done', heading('Result')],
  'a running task': ['running', (page) => expect(page.getByRole('progressbar', { name: 'Progress' })).toBeVisible()],
  'a retrying task': ['retrying', state('Retrying')],
  'a failed task': ['failed', state('Failed')],
  'a scheduled task': ['scheduled', state('Scheduled')],
  'a pending task': ['pending', state('Pending')],
  'a canceled task': ['canceled', state('Canceled')],
  'the queues': ['/queues', (page) => expect(page.getByRole('link', { name: 'unserved', exact: true })).toBeVisible()],
  'the workers': ['/workers', (page) => expect(page.locator('tbody tr')).toHaveCount(1)],
  'the system': ['/system', (page) => expect(page.getByText('All is well.').or(page.getByRole('list', { name: 'What somebody should look at' }))).toBeVisible()],
  'the keys': ['/tasks', async (page) => {
    await list(page)
    await page.keyboard.press('?')
    await expect(page.getByRole('dialog')).toBeVisible()
  }],
  'the settings': ['/tasks', async (page) => {
    await list(page)
    await page.getByRole('button', { name: 'Settings' }).click()
    await expect(page.getByRole('radio', { name: 'Dark' })).toBeVisible()
  }],
  'a page that is not there': ['/tasks/none/such', heading(/no such page/)],
}

for (const [name, [place, stands]] of Object.entries(screens)) {
  test(`${name} fits and can be read`, async ({ page }) => {
    const path = place.startsWith('/') ? place : `/tasks/${tasks[place].id}`
    for (const width of [390, 1440]) {
      await page.setViewportSize({ width, height: 844 })
      await page.goto(windlass.url + path)
      await stands(page)
      await expectSound(page, width)
    }
  })
}

test('a chosen theme outlives a reload', async ({ page }) => {
  await page.emulateMedia({ colorScheme: 'light' })
  await page.goto(`${windlass.url}/tasks`)
  const paper = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)
  const light = await paper()
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('radio', { name: 'Dark' }).check()
  await expect.poll(paper).not.toBe(light)
  await page.reload()
  await expect(rowsOf(page)).not.toHaveCount(0)
  expect(await paper()).not.toBe(light)
})

for (const path of ['/docs', '/redoc', '/problems']) {
  test(`${path} needs nobody else`, async ({ page }) => {
    await page.goto(windlass.url + path)
    await expect(page.getByRole('heading', { level: 1 }).first()).toBeVisible()
  })
}
