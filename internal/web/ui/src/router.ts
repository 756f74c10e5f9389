// The address is the state: this file reads it, changes it and keeps scroll
// places. The browser's own restoring is switched off, since rows arrive after it.

import { Box } from './box.ts'

export interface Place {
  path: string
  query: URLSearchParams
  /** Names this entry of the history; the same again when one comes back to it. */
  key: string
  /** Whether the reader came back (or forward) to this place. */
  returning: boolean
  /** The path that the reader came from; empty at first. */
  from: string
}

function read(returning: boolean, from: string): Place {
  const state = history.state as { key?: string } | null
  return { path: location.pathname, query: new URLSearchParams(location.search), key: state?.key ?? 'first', returning, from }
}

export const place = new Box<Place>(read(false, ''))

const scrolls = new Map<string, number>()
let serial = 0

/** Goes to a path of this page. With replace the current entry is overwritten and the scroll place stays. */
export function go(to: string, replace = false): void {
  const state = { key: replace ? place.value.key : `${Date.now()}.${++serial}` }
  if (replace) history.replaceState(state, '', to)
  else {
    scrolls.set(place.value.key, scrollY)
    history.pushState(state, '', to)
  }
  place.value = read(false, place.value.path)
  if (replace) return
  scrollTo(0, 0)
  // Where the link stood is gone: keys and screen readers go on at the new content.
  document.getElementById('main')?.focus({ preventScroll: true })
}

/** Puts a reader who came back where they were: the scroll place, and the focus on the link that they followed. */
export function restorePlace(): void {
  const { key, returning, from } = place.value
  const y = scrolls.get(key)
  if (!returning || y === undefined) return
  scrollTo(0, y)
  document.querySelector<HTMLElement>(`main a[href="${from}"]`)?.focus({ preventScroll: true })
}

/** Starts to follow links and the history. */
export function startRouter(): void {
  history.scrollRestoration = 'manual'
  addEventListener('popstate', () => {
    scrolls.set(place.value.key, scrollY)
    place.value = read(true, place.value.path)
  })
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = (event.target as Element).closest?.('a')
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin || !ours(link.pathname)) return
    if (link.hash && link.pathname === location.pathname) return
    event.preventDefault()
    if (link.href !== location.href) go(link.pathname + link.search)
  })
}

function ours(path: string): boolean {
  return path === '/' || /^\/(tasks|new|queues|workers|secrets|system|tokens|sessions|audit)(\/|$)/.test(path)
}
