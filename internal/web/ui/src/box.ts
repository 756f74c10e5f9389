// State that outlives a component: a value, and those who want to know when it changes.

import { useEffect, useState } from 'preact/hooks'

export class Box<T> {
  private current: T
  private readonly listeners = new Set<() => void>()
  constructor(value: T) { this.current = value }
  get value(): T { return this.current }
  set value(v: T) {
    if (Object.is(v, this.current)) return
    this.current = v
    for (const f of [...this.listeners]) f()
  }
  /** Calls f after each change, until the returned function is called. */
  watch(f: () => void): () => void {
    this.listeners.add(f)
    return () => { this.listeners.delete(f) }
  }
}

/** The value of a box; the component renders again when it changes. */
export function useBox<T>(box: Box<T>): T {
  const [, again] = useState({})
  useEffect(() => {
    const seen = box.value
    const stop = box.watch(() => again({}))
    // It may have changed between the render and this effect.
    if (!Object.is(seen, box.value)) again({})
    return stop
  }, [box])
  return box.value
}
