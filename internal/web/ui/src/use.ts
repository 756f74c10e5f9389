import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { api, problemOf, type Problem } from './api.ts'
import { Box, useBox } from './box.ts'
import { hush } from './parts/notice.tsx'
import type { Kind, Session } from './wire.ts'

export interface Loaded<T> {
  data: T | undefined
  /** The last try's fault; data of an earlier one stays. */
  problem: Problem | undefined
  again: () => void
}

/** Loads when key changes and when again is called. An answer that is overtaken by a newer one is dropped. */
export function useLoad<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, set] = useState<{ key: string; data?: T; problem?: Problem }>({ key })
  const latest = useRef(load)
  latest.current = load
  const running = useRef<AbortController | undefined>(undefined)
  const again = useCallback(() => {
    running.current?.abort()
    const mine = running.current = new AbortController()
    latest.current(mine.signal).then(
      (data) => { if (!mine.signal.aborted) set({ key, data }) },
      (err: unknown) => { if (!mine.signal.aborted) set((s) => ({ key, data: s.key === key ? s.data : undefined, problem: problemOf(err) })) },
    )
  }, [key])
  useEffect(() => {
    again()
    return () => running.current?.abort()
  }, [again])
  return state.key === key ? { data: state.data, problem: state.problem, again } : { data: undefined, problem: undefined, again }
}

const kinds = new Box<Kind[] | undefined>(undefined)

/** Every kind of task, asked for once; they change only with the program. */
export function useKinds(): { kinds: Kind[] | undefined; problem: Problem | undefined; again: () => void } {
  const known = useBox(kinds)
  const { problem, again } = useLoad('kinds', async () => { kinds.value ??= (await api.kinds()).items })
  return { kinds: known, problem: known ? undefined : problem, again }
}

/** Who is here; undefined until the server has said it. */
export const session = new Box<Session | undefined>(undefined)

/** Sets the window's title while the component stands, and clears what was announced before. */
export function useTitle(title: string): void {
  useEffect(() => { document.title = title ? `${title} · Windlass` : 'Windlass' }, [title])
  useEffect(() => hush, [])
}
