// Where the bars of a task's attempts stand on their one scale.

import { at } from './format.ts'
import type { Attempt, Outcome, Task } from './wire.ts'

/** One attempt on the scale: times in milliseconds since the epoch. */
export interface Lane {
  number: number
  waitFrom: number
  /** When it started; the end of its wait for one that has not. */
  start: number
  /** When it ended, now while it runs; undefined for one that has not started. */
  end: number | undefined
  attempt: Attempt | undefined
}

export interface Scale { from: number; to: number; lanes: Lane[] }

/** Lays the attempts out from when the task was handed in to its last known moment. */
export function scale(t: Task, now: number): Scale {
  const lanes: Lane[] = []
  let before = at(t.created_at)
  for (const a of t.attempts) {
    const start = at(a.started_at)
    // Attempts that were dropped from the record leave no wait to show.
    const waitFrom = lanes.length === 0 && a.number > 1 ? start : Math.min(before, start)
    const end = a.finished_at ? at(a.finished_at) : now
    lanes.push({ number: a.number, waitFrom, start, end: Math.max(start, end), attempt: a })
    before = Math.max(start, end)
  }
  const waits = t.state === 'scheduled' || t.state === 'pending' || t.state === 'retrying'
  if (waits) {
    const next = t.state === 'pending' ? now : Math.max(now, at(t.run_at))
    lanes.push({ number: (t.attempts.at(-1)?.number ?? 0) + 1, waitFrom: before, start: Math.max(before, next), end: undefined, attempt: undefined })
  }
  const from = lanes[0]?.waitFrom ?? before
  const to = Math.max(from + 1, ...lanes.map((l) => l.end ?? l.start))
  return { from, to, lanes }
}

/** The colour of an attempt: that of the state its outcome is like. */
export function outcomeState(o: Outcome | undefined): 'succeeded' | 'failed' | 'canceled' | 'active' | 'expired' {
  switch (o) {
    case undefined: return 'active'
    case 'lost': return 'failed'
    case 'released': return 'expired'
    default: return o
  }
}

/** An outcome in a word or two. */
export const outcomeWords: Record<Outcome, string> = {
  succeeded: 'Succeeded', failed: 'Failed', canceled: 'Canceled', lost: 'Worker lost', released: 'Handed back',
}
