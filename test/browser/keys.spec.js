import { expect, rowsOf, test, useWindlass } from './lib/harness.js'

const windlass = useWindlass()
test.beforeAll(() => windlass.submitAll(['one', 'two', 'three'].map((message) => ({ kind: 'demo.echo', input: { message } }))))
test.beforeEach(async ({ page }) => {
  await page.goto(`${windlass.url}/tasks`)
  await expect(rowsOf(page)).not.toHaveCount(0)
})

test('j and k move through the rows, Enter opens one', async ({ page }) => {
  await page.keyboard.press('j')
  await expect(rowsOf(page).nth(0)).toBeFocused()
  await page.keyboard.press('j')
  await expect(rowsOf(page).nth(1)).toBeFocused()
  await page.keyboard.press('j')
  await page.keyboard.press('k')
  await expect(rowsOf(page).nth(1)).toBeFocused()
  const second = await rowsOf(page).nth(1).locator('.subject').innerText()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(second)
})

test('n opens the form, and types into a field', async ({ page }) => {
  await page.keyboard.press('n')
  await expect(page.getByRole('heading', { name: 'New task' })).toBeVisible()
  await page.getByLabel('URL', { exact: true }).focus()
  await page.keyboard.type('n?/j')
  await expect(page.getByLabel('URL', { exact: true })).toHaveValue('n?/j')
  await expect(page.getByRole('dialog')).toBeHidden()
  await page.keyboard.press('Escape')
  await page.keyboard.press('g')
  await page.keyboard.press('t')
  await expect(page).toHaveURL(`${windlass.url}/tasks`)
})

test('/ finds: a task by its id, a list by a word', async ({ page }) => {
  const find = page.getByRole('combobox', { name: 'Find a task' })
  await page.keyboard.press('/')
  await expect(find).toBeFocused()
  await page.keyboard.type('succ')
  await expect(page.getByRole('option').first()).toContainText('succeeded')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\?state=succeeded$/)

  const task = await windlass.submit({ kind: 'demo.echo', input: { message: 'found' } })
  await page.keyboard.press('/')
  await page.keyboard.insertText(task.id)
  await page.keyboard.press('Enter')
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('found')
})

test('? shows the keys, Escape closes them and gives the focus back', async ({ page }) => {
  await page.keyboard.press('j')
  await page.keyboard.press('?')
  const sheet = page.getByRole('dialog', { name: 'Keyboard shortcuts' })
  await expect(sheet).toContainText('New task')
  await page.keyboard.press('n')
  await expect(sheet).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(sheet).toBeHidden()
  await expect(rowsOf(page).nth(0)).toBeFocused()
})

test('the first Tab leads past the navigation', async ({ page }) => {
  await page.keyboard.press('Tab')
  await expect(page.getByRole('link', { name: 'Skip to the content' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('main')).toBeFocused()
  await page.keyboard.press('Tab')
  await expect(page.getByRole('button', { name: 'Filter' })).toBeFocused()
})
