// What this browser remembers: the theme and the zone of times.

import { Box } from './box.ts'
import type { Zone } from './format.ts'

export type Theme = 'auto' | 'light' | 'dark'

function remembered<T extends string>(key: string, allowed: T[]): T {
  try {
    const v = localStorage.getItem(key) as T | null
    if (v && allowed.includes(v)) return v
  } catch {
    // Storage may be forbidden; then nothing is remembered.
  }
  return allowed[0]!
}

function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value)
  } catch {
    // As above: the choice holds until the page is closed.
  }
}

export const theme = new Box<Theme>(remembered('windlass.theme', ['auto', 'light', 'dark']))
export const zone = new Box<Zone>(remembered('windlass.zone', ['local', 'utc']))

theme.watch(() => {
  remember('windlass.theme', theme.value)
  if (theme.value === 'auto') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme.value
})
zone.watch(() => remember('windlass.zone', zone.value))
