import { expect, rowsOf, stateOf, test } from './lib/harness.js'
import { startRedis } from './lib/redis.js'
import { Windlass } from './lib/windlass.js'

let redis
let windlass
test.beforeEach(async () => {
  redis = await startRedis()
  windlass = new Windlass({ args: ['-redis-url', redis.url] })
  await windlass.start()
})
test.afterEach(async () => {
  await windlass.stop()
  await redis.stop()
})

const line = (page, word) => page.getByRole('banner').getByText(word, { exact: true })
const echo = (message) => ({ kind: 'demo.echo', input: { message } })

test('a lost connection is said, and the list catches up by itself', async ({ page, expected }) => {
  expected.push(/net::ERR_/)
  await windlass.submit(echo('before'), { wait: 20 })
  await page.goto(`${windlass.url}/tasks`)
  await expect(line(page, 'Live')).toBeVisible()
  await windlass.stop()
  await expect(line(page, 'Offline')).toBeVisible()
  await expect(rowsOf(page)).toContainText(['before'])

  await windlass.start()
  await windlass.submit(echo('while it was away'), { wait: 20 })
  await expect(line(page, 'Live')).toBeVisible()
  await page.getByRole('button', { name: '1 new task' }).click()
  await expect(rowsOf(page)).toContainText(['while it was away', 'before'])
})

test('a server that hangs is noticed by its silence', async ({ page, expected }) => {
  expected.push(/net::ERR_/)
  await page.clock.install()
  await page.goto(`${windlass.url}/tasks`)
  await expect(line(page, 'Live')).toBeVisible()
  windlass.pause()
  await page.clock.fastForward(35_000)
  await expect(line(page, 'Live')).toBeVisible()
  await page.clock.fastForward(6_000)
  await expect(line(page, 'Offline')).toBeVisible()
  windlass.resume()
  await expect(line(page, 'Live')).toBeVisible()
})

test('a task catches up by itself', async ({ page, expected }) => {
  expected.push(/net::ERR_/)
  const task = await windlass.submit({ ...echo('later'), delay: '1h' })
  await page.goto(`${windlass.url}/tasks/${task.id}`)
  await expect(line(page, 'Live')).toBeVisible()
  await windlass.stop()
  await expect(line(page, 'Offline')).toBeVisible()
  await expect(stateOf(page)).toHaveText('Scheduled')
  await windlass.start()
  await windlass.cancel(task.id)
  await expect(stateOf(page)).toHaveText('Canceled')
})

test('a form sent into the void keeps what was typed, and makes one task in the end', async ({ page, expected }) => {
  expected.push(/net::ERR_/)
  const ahead = page.waitForEvent('requestfinished', (r) => r.url().includes('/assets/task-')) // what it needs to show the task
  await page.goto(`${windlass.url}/new?kind=demo.echo`)
  await ahead
  await page.getByLabel('Message').fill('kept')
  await windlass.stop()
  const send = page.getByRole('button', { name: 'Hand in' })
  await send.click()
  await expect(page.getByRole('alert')).toContainText('cannot be reached')
  await expect(page.getByLabel('Message')).toHaveValue('kept')
  await windlass.start()
  await send.click()
  await expect(stateOf(page)).toHaveText('Succeeded')
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Tasks' }).click()
  await expect(rowsOf(page)).toHaveCount(1)
})
