// Takes pictures of the main screens: node shots.mjs FOLDER. Not a test; for people to look at.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium, expect } from '@playwright/test'
import { launchOptions } from './lib/chromium.js'
import { startSite } from './lib/site.js'
import { Windlass } from './lib/windlass.js'

const folder = process.argv[2]
if (!folder) throw new Error('usage: node shots.mjs FOLDER')
await mkdir(folder, { recursive: true })

const site = await startSite()
const windlass = new Windlass()
await windlass.start()
// Another one, where people sign in.
const closed = new Windlass({ env: { WINDLASS_ADMIN_TOKEN: 'a token long enough to be one' } })
closed.token = 'a token long enough to be one'
await closed.start()
const browser = await chromium.launch(launchOptions)

/** Hands in what a shop's day could look like. */
async function scene() {
  const echo = (message, { input, ...rest } = {}) => ({ kind: 'demo.echo', input: { message, ...input }, ...rest })
  const call = (path, rest = {}) => ({ kind: 'http.request', input: { url: new URL(path, site.url).href, ...rest.input }, ...rest.task })
  const orders = Array.from({ length: 14 }, (_, i) => echo(`Confirm order ${1168 + i}`, { tags: [`order:${1168 + i}`], queue: i % 4 ? 'default' : 'critical' }))
  await windlass.submitAll(orders)
  const report = await windlass.submit({ kind: 'site.audit', input: { url: site.url }, tags: ['weekly'] }, { wait: 50 })
  const failed = await windlass.submit({
    kind: 'http.request', input: { url: 'http://127.0.0.1:2/hooks/order-paid', method: 'POST', body: '{"order":1182}' },
    tags: ['order:1182', 'webhook'], policy: { max_attempts: 4, min_backoff: '300ms', max_backoff: '1s' },
  }, { wait: 30 })
  await windlass.submit(call('guides/gone'), { wait: 10 })
  await windlass.submit(call('products/1'), { wait: 10 })
  await windlass.submit(echo('Nightly export', { delay: '9h', tags: ['export'] }))
  await windlass.submit(echo('Move the archive', { queue: 'archive' }))
  await windlass.cancel((await windlass.submit(echo('Send the newsletter', { delay: '2h' }))).id)
  await windlass.submit(echo('Resize 412 pictures', { input: { sleep: '3m' } }))
  const retrying = await windlass.submit({
    kind: 'http.request', input: { url: 'http://127.0.0.1:2/stock', method: 'PUT', body: '{}' },
    tags: ['stock'], policy: { max_attempts: 8, min_backoff: '20m', max_backoff: '1h' },
  })
  await expect.poll(async () => (await windlass.task(retrying.id)).state).toBe('retrying')
  return { report, failed, retrying }
}

/** An audit that goes on for as long as pictures of it are taken: fresh each time. */
async function runningAudit() {
  const task = await windlass.submit({ kind: 'site.audit', input: { url: `${site.url}?at=${Date.now()}`, pause: '300ms' } })
  await expect.poll(async () => (await windlass.task(task.id)).progress?.done ?? 0).toBeGreaterThan(8)
  return task
}

/** Makes the window as high as the page, so that what floats stays at its edges. */
async function unfold(page) {
  const { width, height } = page.viewportSize()
  const whole = await page.evaluate(() => document.documentElement.scrollHeight)
  await page.setViewportSize({ width, height: Math.max(height, whole) })
}

/** Makes what an admin may find: tokens that are used, unused and revoked. */
async function accessScene() {
  const shop = await closed.makeToken({ name: 'Shop, production', role: 'submitter', kinds: ['http.request'], queues: ['default'] })
  await closed.makeToken({ name: 'Wall screen in the hall', role: 'viewer', expires_in: '8760h' })
  await closed.makeToken({ name: 'Ann', role: 'admin' })
  await closed.revokeToken((await closed.makeToken({ name: 'Old importer', role: 'operator' })).id)
  const task = await closed.submit({ kind: 'demo.echo', input: { message: 'Confirm order 1182' }, delay: '9h' })
  closed.token = shop.token
  await closed.submit({ kind: 'http.request', input: { url: site.url } })
  return task
}

const accessTask = await accessScene()
const { report, failed, retrying } = await scene()
const screens = {
  list: () => ['/tasks', (page) => expect(page.getByRole('list', { name: 'Tasks' })).toBeVisible()],
  form: () => ['/new?kind=site.audit', (page) => page.getByLabel('URL', { exact: true }).fill(site.url)],
  'form-more': () => ['/new?kind=http.request', (page) => page.locator('summary', { hasText: 'More' }).click()],
  running: async () => [`/tasks/${(await runningAudit()).id}`, (page) => expect(page.getByRole('progressbar', { name: 'Progress' })).toBeVisible()],
  report: () => [`/tasks/${report.id}`, (page) => expect(page.getByRole('tabpanel')).toBeVisible()],
  retrying: () => [`/tasks/${retrying.id}`, (page) => expect(page.locator('.title .state')).toHaveText('Retrying')],
  failed: () => [`/tasks/${failed.id}`, (page) => expect(page.locator('.title .state')).toHaveText('Failed')],
  system: () => ['/system', (page) => expect(page.getByRole('table')).not.toHaveCount(0)],
  queues: () => ['/queues', (page) => expect(page.locator('tbody tr')).not.toHaveCount(0)],
}

/** Signs in and goes to a path. */
async function signedIn(page, path) {
  await page.goto(closed.url + path)
  if (await page.getByLabel('Token').waitFor({ timeout: 2000 }).then(() => true, () => false)) {
    await page.getByLabel('Token').fill('a token long enough to be one')
    await page.keyboard.press('Enter')
  }
  await expect(page.getByRole('navigation', { name: 'Main' })).toBeVisible()
}

const access = {
  tokens: (page) => signedIn(page, '/tokens'),
  'token-new': async (page) => {
    await signedIn(page, '/tokens')
    await page.getByRole('button', { name: 'New token' }).click()
    await page.locator('summary', { hasText: 'Bind it' }).click()
  },
  'token-made': async (page) => {
    await signedIn(page, '/tokens')
    await page.getByRole('button', { name: 'New token' }).click()
    await page.getByLabel('What is it for?').fill('Nightly export')
    await page.getByRole('button', { name: 'Make token' }).click()
    await expect(page.getByRole('heading', { name: 'Copy the token now' })).toBeVisible()
  },
  sessions: async (page) => {
    await signedIn(page, '/sessions')
    await page.getByRole('radio', { name: 'All' }).check()
  },
  'menu-signed-in': async (page) => {
    await signedIn(page, '/tasks')
    await page.getByRole('button', { name: 'Settings' }).click()
  },
  share: async (page) => {
    await signedIn(page, `/tasks/${accessTask.id}`)
    await page.getByRole('button', { name: 'Share' }).click()
    await expect(page.getByRole('dialog').getByLabel('Link')).not.toHaveValue('')
  },
  shared: async (page) => {
    await signedIn(page, `/tasks/${accessTask.id}`)
    await page.getByRole('button', { name: 'Share' }).click()
    await expect(page.getByRole('dialog').getByLabel('Link')).not.toHaveValue('')
    const link = await page.getByRole('dialog').getByLabel('Link').inputValue()
    await page.context().clearCookies()
    await page.goto('about:blank')
    await page.goto(link)
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Confirm order 1182')
  },
  'sign-in': async (page) => {
    await page.context().clearCookies()
    await page.goto(closed.url)
    await expect(page.getByLabel('Token')).toBeVisible()
  },
}

try {
  for (const width of [390, 1440]) {
    for (const colorScheme of ['light', 'dark']) {
      const context = await browser.newContext({ viewport: { width, height: width < 600 ? 844 : 900 }, colorScheme, deviceScaleFactor: width < 600 ? 2 : 1 })
      for (const [name, screen] of Object.entries(screens)) {
        const [path, stands] = await screen()
        const page = await context.newPage()
        await page.goto(windlass.url + path)
        await stands(page)
        if (name !== 'list') await unfold(page)
        await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`) })
        await page.close()
      }
      for (const [name, stands] of Object.entries(access)) {
        const page = await context.newPage()
        await stands(page)
        await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`) })
        await page.close()
      }
      await context.close()
    }
  }
} finally {
  await browser.close()
  await windlass.stop()
  await closed.stop()
  await site.stop()
}
