// Server-sent events (WHATWG HTML, section 9.2). EventSource reconnects by
// itself after a lost connection, but gives up for good when an answer is not a
// stream; then this file tries again, later and later. A hidden tab lets go of
// its connection: over HTTP/1.1 a browser has only six for all tabs.

import { useEffect, useRef } from 'preact/hooks'
import { Box } from './box.ts'
import { link } from './link.ts'

/** How the page stands to the server. idle: nothing on this page needs a stream. */
export type Line = 'idle' | 'connecting' | 'live' | 'lost'
export const line = new Box<Line>('idle')

const firstWait = 1000
const longestWait = 30_000
const hiddenFor = 20_000
/** The server says every 15 s that a stream lives: after two of them missed, nobody is there any more. */
const silentFor = 40_000

export interface Stream {
  /** Without the position: the stream adds it. */
  url: string
  /** A position to start after, where one is known. */
  from?: string
  on: Record<string, (data: string) => void>
  /**
   * Called when the server refuses the stream, and when a connection stands that has no position to
   * catch up from: what was read before may have changed since.
   */
  gap?: () => void
}

/** Keeps one stream open until the returned function is called. */
export function open(stream: Stream): () => void {
  let source: EventSource | undefined
  let position = stream.from
  let wait = firstWait
  let again: ReturnType<typeof setTimeout> | undefined
  let sleep: ReturnType<typeof setTimeout> | undefined
  let silence: ReturnType<typeof setTimeout> | undefined
  let lost = false

  // A browser does not notice that the other end is gone without a word: a laptop woke up in
  // another network, a server hangs.
  const heard = () => {
    clearTimeout(silence)
    silence = setTimeout(() => { lost = true; letGo(); connect() }, silentFor)
  }

  const connect = () => {
    again = undefined
    const url = new URL(stream.url, location.origin)
    if (link.value) url.searchParams.set('link', link.value) // EventSource sends no header of ours
    if (position) url.searchParams.set('last_event_id', position)
    line.value = lost ? 'lost' : 'connecting'
    const mine = source = new EventSource(url)
    heard()
    mine.onopen = () => {
      heard()
      if (!position) stream.gap?.()
      line.value = 'live'
      wait = firstWait
      lost = false
    }
    mine.onerror = () => {
      lost = true
      line.value = 'lost'
      if (mine.readyState !== EventSource.CLOSED) return
      stream.gap?.()
      again = setTimeout(connect, wait * (0.75 + Math.random() / 2))
      wait = Math.min(wait * 2, longestWait)
    }
    mine.addEventListener('heartbeat', heard)
    for (const [name, handle] of Object.entries(stream.on)) {
      mine.addEventListener(name, (event) => {
        heard()
        if (event.lastEventId) position = event.lastEventId
        handle(event.data as string)
      })
    }
  }

  const letGo = () => {
    clearTimeout(again)
    clearTimeout(sleep)
    clearTimeout(silence)
    source?.close()
    again = sleep = silence = source = undefined
  }
  const look = () => {
    clearTimeout(sleep)
    if (document.hidden) sleep = setTimeout(letGo, hiddenFor)
    else if (!source || (source.readyState === EventSource.CLOSED)) { letGo(); connect() }
  }
  const online = () => { if (line.value === 'lost') { letGo(); connect() } }

  document.addEventListener('visibilitychange', look)
  addEventListener('online', online)
  connect()
  return () => {
    document.removeEventListener('visibilitychange', look)
    removeEventListener('online', online)
    letGo()
    line.value = 'idle'
  }
}

/** Keeps a stream open while the component stands and url is set. The handlers may change between renders. */
export function useStream(url: string | undefined, from: string | undefined, on: Stream['on'], gap?: () => void): void {
  const latest = useRef({ on, gap })
  latest.current = { on, gap }
  useEffect(() => {
    if (url === undefined) return undefined
    const names = Object.keys(latest.current.on)
    return open({
      url,
      from,
      on: Object.fromEntries(names.map((n) => [n, (data: string) => latest.current.on[n]?.(data)])),
      gap: () => latest.current.gap?.(),
    })
    // from is where the stream begins; it must not reopen the stream as it moves on.
  }, [url])
}
