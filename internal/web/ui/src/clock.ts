// One clock for all relative times: it ticks each second while somebody looks.

import { useEffect, useState } from 'preact/hooks'

const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined
let skew = 0

/** The server's time as far as it is known, in milliseconds. A reader's clock may be wrong by hours. */
export function now(): number { return Date.now() + skew }

/** Takes the Date header of an answer. Differences that its whole seconds and a slow network explain are ignored. */
export function hear(date: string | null): void {
  const difference = Date.parse(date ?? '') - Date.now()
  if (Number.isFinite(difference)) skew = Math.abs(difference) < 3000 ? 0 : difference
}

function run(): void {
  const wanted = listeners.size > 0 && !document.hidden
  if (wanted && timer === undefined) {
    timer = setInterval(() => { for (const f of [...listeners]) f() }, 1000)
  } else if (!wanted && timer !== undefined) {
    clearInterval(timer)
    timer = undefined
  }
}

/** The time now; the component renders again each second while ticking holds. */
export function useNow(ticking = true): number {
  const [, again] = useState({})
  useEffect(() => {
    if (!ticking) return undefined
    const tick = () => again({})
    listeners.add(tick)
    run()
    return () => { listeners.delete(tick); run() }
  }, [ticking])
  return now()
}

if (typeof document !== 'undefined') {
  document.addEventListener('visibilitychange', () => {
    run()
    if (!document.hidden) for (const f of [...listeners]) f()
  })
}
