import { expect, test, useWindlass } from './lib/harness.js'

const windlass = useWindlass()
const cell = (page, name) => page.locator(`td[data-label="${name}"]`)

test('the system page tells who is there, that all is well, and then what is not', async ({ page }) => {
  await page.goto(windlass.url)
  await expect(page.getByRole('banner').getByText('Live', { exact: true })).toBeVisible()
  await page.keyboard.press('g')
  await page.keyboard.press('s')
  await expect(page).toHaveURL(`${windlass.url}/system`)
  await expect(page.getByText('All is well.')).toBeVisible()
  await expect(cell(page, 'Roles')).toHaveText('api, web, worker, scheduler · leads · answers here')
  await expect(page.getByText('No process ships its log lines')).toBeVisible()

  await windlass.submit({ kind: 'demo.echo', input: { message: 'stuck' }, queue: 'unserved' })
  await expect(page.getByRole('list', { name: 'What somebody should look at' }).getByRole('listitem'))
    .toHaveText(['Queue. No worker serves the queue unserved. Tasks that wait in it: 1. Start one with -queues unserved=1.'], { timeout: 15000 })
})

test('a task shows its trace', async ({ page }) => {
  const trace = '0af7651916cd43dd8448eb211c80319c'
  const response = await fetch(`${windlass.url}/api/v1/tasks`, {
    method: 'POST', headers: { 'Content-Type': 'application/json', traceparent: `00-${trace}-b7ad6b7169203331-01` },
    body: JSON.stringify({ kind: 'demo.echo', input: { message: 'traced' } }),
  })
  await page.goto(`${windlass.url}/tasks/${(await response.json()).id}`)
  const facts = page.getByRole('complementary', { name: 'Facts' })
  await expect(facts).toContainText(trace)
  await expect(facts.getByRole('link', { name: 'In CloudWatch' })).toBeHidden() // nobody ships log lines here
})
