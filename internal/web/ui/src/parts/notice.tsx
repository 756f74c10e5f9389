// What the page says back: short notices that float, and what screen readers hear.

import { useBox, Box } from '../box.ts'

const notice = new Box<{ text: string; id: number } | undefined>(undefined)
const heard = new Box('')
let hide: ReturnType<typeof setTimeout> | undefined
let last = 0

/** Shows a short notice for a few seconds and reads it out. */
export function say(text: string): void {
  clearTimeout(hide)
  notice.value = { text, id: ++last }
  hide = setTimeout(() => { notice.value = undefined }, 4000)
}

/** Reads a text out without showing it: for ends, never for ticks. */
export function announce(text: string): void { heard.value = text }

/** Forgets what was announced, when its page is left. */
export function hush(): void { heard.value = '' }

export function Notices() {
  const shown = useBox(notice)
  return (
    <>
      <div class="notices" role="status">{shown && <p key={shown.id}>{shown.text}</p>}</div>
      <div class="unseen" role="status">{useBox(heard)}</div>
    </>
  )
}
