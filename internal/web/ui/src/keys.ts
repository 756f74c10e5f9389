// Keys that work anywhere on the page, unless somebody types into a field.

import { useEffect, useRef } from 'preact/hooks'

/** What keys do, for the sheet that ? opens. */
export const sheet: { keys: string[]; what: string }[] = [
  { keys: ['/'], what: 'Find a task' },
  { keys: ['n'], what: 'New task' },
  { keys: ['j'], what: 'Next row' },
  { keys: ['k'], what: 'Previous row' },
  { keys: ['Enter'], what: 'Open the row' },
  { keys: ['g', 't'], what: 'Go to tasks' },
  { keys: ['g', 'q'], what: 'Go to queues' },
  { keys: ['g', 'w'], what: 'Go to workers' },
  { keys: ['g', 's'], what: 'Go to the system' },
  { keys: ['Esc'], what: 'Close, or leave a field' },
  { keys: ['?'], what: 'Show these keys' },
]

const patience = 1200

function typing(target: EventTarget | null): boolean {
  const el = target as HTMLElement | null
  return !!el && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName))
}

/** Calls the handler of a key ("n") or of two in a row ("g t"). */
export function useKeys(handlers: Record<string, () => void>): void {
  const latest = useRef(handlers)
  latest.current = handlers
  useEffect(() => {
    let before = ''
    let since = 0
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return
      if (typing(event.target)) {
        if (event.key === 'Escape') (event.target as HTMLElement).blur()
        return
      }
      const pair = `${before} ${event.key}`
      const handle = (event.timeStamp - since < patience && latest.current[pair]) || latest.current[event.key]
      before = event.key
      since = event.timeStamp
      if (!handle) return
      before = ''
      event.preventDefault()
      handle()
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
}

/** Moves the focus among the elements that selector finds: to the next (1) or the previous (-1). */
export function step(selector: string, by: 1 | -1): void {
  const all = [...document.querySelectorAll<HTMLElement>(selector)]
  if (all.length === 0) return
  const i = all.indexOf(document.activeElement as HTMLElement)
  const next = i < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, i + by))
  all[next]!.focus()
  all[next]!.scrollIntoView({ block: 'nearest' })
}
