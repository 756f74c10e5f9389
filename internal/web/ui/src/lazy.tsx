// Pages that are loaded when they are needed, or when the browser has nothing else to do.

import type { ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Blank } from './parts/blank.tsx'

export interface Lazy<P> { load: () => Promise<ComponentType<P>>; known: ComponentType<P> | undefined }

/** A component that load brings; asked for once. */
export function lazy<P>(load: () => Promise<ComponentType<P>>): Lazy<P> {
  let asked: Promise<ComponentType<P>> | undefined
  const it: Lazy<P> = {
    known: undefined,
    load: () => (asked ??= load().then((c) => (it.known = c)).catch((err: unknown) => { asked = undefined; throw err })),
  }
  return it
}

/** Renders a lazy component; nothing until it has come. */
export function Come<P extends object>({ page, ...props }: { page: Lazy<P> } & P) {
  const [state, set] = useState<'waits' | 'here' | 'failed'>('waits')
  useEffect(() => {
    // Also when it is known by now: it may have come between the render and this effect.
    page.load().then(() => set('here'), () => set('failed'))
  }, [page])
  const Known = page.known as ComponentType<object> | undefined
  if (state === 'failed' && !Known) {
    // The connection is lost, or a newer version of the program has other files: a reload finds them.
    return (
      <Blank whole title="This part of the page could not be loaded" actions={<button class="button" onClick={() => location.reload()}>Load the page again</button>}>
        The server may be away for a moment, or it runs a newer version.
      </Blank>
    )
  }
  return Known ? <Known {...props} /> : null
}

/** Loads pages ahead, once the browser is idle. */
export function ahead(pages: { load: () => Promise<unknown> }[]): void {
  const load = () => { for (const p of pages) p.load().catch(() => undefined) }
  if ('requestIdleCallback' in window) requestIdleCallback(load, { timeout: 3000 })
  else setTimeout(load, 1500)
}
