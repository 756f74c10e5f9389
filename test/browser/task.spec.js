import { attemptsOf, expect, stateOf, test, useWindlass } from './lib/harness.js'

const windlass = useWindlass()
const open = (page, task) => page.goto(`${windlass.url}/tasks/${task.id}`)

test('a running task is canceled', async ({ page }) => {
  const task = await windlass.submit({ kind: 'demo.echo', input: { message: 'long', sleep: '10m' } })
  await open(page, task)
  await expect(stateOf(page)).toHaveText('Active')
  await page.getByRole('button', { name: 'Cancel' }).click()
  await expect(stateOf(page)).toHaveText('Canceled')
  await expect(attemptsOf(page)).toContainText(['Canceled'])
  expect((await windlass.task(task.id)).state).toBe('canceled')
})

test('a failed task is tried again, and its attempts grow', async ({ page }) => {
  const task = await windlass.submit({ kind: 'demo.echo', input: { message: 'no', fail: true }, policy: { max_attempts: 1 } }, { wait: 20 })
  expect(task.state).toBe('failed')
  await open(page, task)
  await expect(attemptsOf(page)).toHaveCount(1)
  await expect(page.getByRole('main')).toContainText('The input asks every attempt to fail.')
  await page.getByRole('button', { name: 'Retry' }).click()
  await expect(attemptsOf(page)).toHaveCount(2)
  await expect(attemptsOf(page)).toContainText(['Failed', 'Failed'])
  await expect(stateOf(page)).toHaveText('Failed')
})

test('attempts appear one after the other while one looks', async ({ page }) => {
  const policy = { max_attempts: 3, min_backoff: '30m', max_backoff: '30m' }
  const task = await windlass.submit({ kind: 'demo.echo', input: { message: 'third time', fail_first: 2 }, policy })
  await open(page, task)
  for (const ended of [['Failed'], ['Failed', 'Failed']]) {
    await expect(attemptsOf(page)).toContainText([...ended, 'Next'])
    await expect(stateOf(page)).toHaveText('Retrying')
    await page.getByRole('button', { name: 'Run now' }).click()
  }
  await expect(stateOf(page)).toHaveText('Succeeded')
  await expect(attemptsOf(page)).toContainText(['Failed', 'Failed', 'Succeeded'])
})

test('a task that waits for its next attempt runs now when asked to', async ({ page }) => {
  const policy = { min_backoff: '30m', max_backoff: '30m' }
  const task = await windlass.submit({ kind: 'demo.echo', input: { message: 'sooner', fail_first: 1 }, policy })
  await open(page, task)
  await expect(page.locator('.why')).toContainText(/Waits .* more, until/)
  await page.getByRole('button', { name: 'Run now' }).click()
  await expect(stateOf(page)).toHaveText('Succeeded')
  await expect(attemptsOf(page)).toContainText(['Failed', 'Succeeded'])
})

test('log lines come in while it runs', async ({ page }) => {
  const task = await windlass.submit({ kind: 'demo.echo', input: { message: 'talks', sleep: '3s' }, delay: '1h' })
  await open(page, task)
  await page.getByRole('button', { name: 'Run now' }).click()
  await expect(page.getByRole('log')).toContainText('Sleeping for 3s.')
  await expect(stateOf(page)).toHaveText('Succeeded')
})

test('a waiting task says why it waits', async ({ page }) => {
  const task = await windlass.submit({ kind: 'demo.echo', input: { message: 'nobody' }, queue: 'unserved' })
  await open(page, task)
  await expect(stateOf(page)).toHaveText('Pending')
  await expect(page.locator('.why')).toContainText('Waits for a worker.')
  await page.getByRole('link', { name: 'See the workers' }).click()
  await expect(page.getByRole('heading', { name: 'Workers' })).toBeVisible()
})

test('integers beyond 2^53 are shown as they were sent', async ({ page }) => {
  const big = '9007199254740993'
  const task = await windlass.submit(`{"kind":"demo.echo","input":{"message":{"id":${big},"ratio":0.1000000000000000055}}}`, { wait: 20 })
  await open(page, task)
  for (const name of ['Result', 'Input']) {
    const card = page.getByRole('region', { name, exact: true })
    await expect(card).toContainText(big)
    await expect(card).toContainText('0.1000000000000000055')
  }
  await expect(page.getByRole('main')).not.toContainText('9007199254740992')
})

test('a task that is deleted is gone, after one question', async ({ page, expected }) => {
  expected.push(/status of 404/)
  const task = await windlass.submit({ kind: 'demo.echo', input: { message: 'short-lived' } }, { wait: 20 })
  await open(page, task)
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Keep it' }).click()
  await expect(page.getByRole('dialog')).toBeHidden()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete for good' }).click()
  await expect(page).toHaveURL(`${windlass.url}/tasks`)
  await open(page, task)
  await expect(page.getByRole('heading', { name: 'There is no such task' })).toBeVisible()
})

test('run again fills the form in and makes a new task', async ({ page }) => {
  const task = await windlass.submit({ kind: 'demo.echo', input: { message: 'once more' }, tags: ['twice'] }, { wait: 20 })
  await open(page, task)
  await page.getByRole('link', { name: 'Run again' }).click()
  await expect(page.getByLabel('Message')).toHaveValue('once more')
  await page.getByRole('button', { name: 'Hand in' }).click()
  await expect(stateOf(page)).toHaveText('Succeeded')
  await expect(page).not.toHaveURL(new RegExp(task.id))
  await expect(page.getByRole('complementary', { name: 'Facts' })).toContainText('twice')
})
