// The test of every file here: no page may complain, break the policy it was
// served with, or talk to anybody but its own server.

import { test as base, expect } from '@playwright/test'
import { origins, Windlass } from './windlass.js'

export { expect }

export const test = base.extend({
  /** Patterns of console errors that a test brings about on purpose. */
  expected: async ({}, use) => { await use([]) },

  context: async ({ context, expected }, use) => {
    const faults = []
    context.on('request', (request) => {
      const { protocol, origin } = new URL(request.url())
      if (/^https?:/.test(protocol) && !origins.has(origin)) faults.push(`request to ${request.url()}`)
    })
    context.on('console', (message) => {
      const text = `${message.text()} ${message.location().url}`
      if (message.type() === 'error' && !expected.some((e) => e.test(text))) faults.push(`console: ${text}`)
    })
    context.on('weberror', (fault) => faults.push(`uncaught: ${fault.error().stack}`))
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (e) => console.error(`policy broken: ${e.violatedDirective} ${e.blockedURI}`))
    })
    await use(context)
    expect(faults, 'what the page must never do').toEqual([])
  },
})

/** Gives the tests of a file one Windlass of their own. */
export function useWindlass(options) {
  const windlass = new Windlass(options)
  test.beforeAll(() => windlass.start())
  test.afterAll(() => windlass.stop())
  test.afterEach(async ({}, info) => {
    if (info.status !== info.expectedStatus) await info.attach('windlass.log', { body: windlass.log.join('\n'), contentType: 'text/plain' })
  })
  return windlass
}

/** The rows of the list. */
export const rowsOf = (page) => page.getByRole('list', { name: 'Tasks' }).getByRole('link')

/** The state beside the headline of a task's page. */
export const stateOf = (page) => page.locator('.title .state')

/** The rows of the attempts. */
export const attemptsOf = (page) => page.getByRole('region', { name: 'Attempts' }).getByRole('listitem')

/** Unfolds the part of a form that is not required. */
export const openMore = (page) => page.locator('summary', { hasText: 'More' }).click()
