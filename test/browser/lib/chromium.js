// The browser is the system's own: none is downloaded.

import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

function find(names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(folder, name)
      try {
        accessSync(path, constants.X_OK)
        return path
      } catch {
        // Not here; the next folder may have it.
      }
    }
  }
  throw new Error(`none of ${names.join(', ')} is installed`)
}

/** How Playwright starts the browser: alone, quiet, and without asking anybody for anything. */
export const launchOptions = {
  executablePath: find(['chromium', 'chromium-browser', 'google-chrome']),
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
}
