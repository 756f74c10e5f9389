import { defineConfig } from '@playwright/test'
import { launchOptions } from './lib/chromium.js'

export default defineConfig({
  testMatch: '*.spec.js',
  globalSetup: './lib/build.js',
  outputDir: 'test-results',
  reporter: 'list',
  // The tests of a file share one server, and two cores are enough for one browser.
  workers: 1,
  forbidOnly: true,
  timeout: 45_000,
  expect: { timeout: 15_000 },
  use: {
    launchOptions,
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    contextOptions: { reducedMotion: 'reduce' },
    // The pictures of a trace would cost a quarter of the time.
    trace: { mode: 'retain-on-failure', screenshots: false },
    screenshot: 'only-on-failure',
  },
})
