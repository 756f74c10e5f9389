// What the page says about a task in one line.

import { at, coarse, count, moment, type Zone } from './format.ts'
import type { Attempt, Progress, Task } from './wire.ts'

/** How far an attempt is: "214 of 600", or the steps alone while the total is not known. */
export function far(p: Progress): string {
  if (p.total > 0) return `${count(p.done)} of ${count(p.total)}`
  return p.done > 0 ? count(p.done) : ''
}

/** The share done, from 0 to 1; undefined while it is not known. */
export function share(p: Progress | undefined): number | undefined {
  return p && p.total > 0 ? Math.min(1, Math.max(0, p.done / p.total)) : undefined
}

/** What stands after a task's subject in the list: where it is, or how it came out. */
export function where(t: Task, now: number, zone: Zone): string {
  switch (t.state) {
    case 'scheduled': return `starts ${soon(at(t.run_at), now, zone)}`
    case 'pending':
      if (t.waiting?.reason === 'no_worker') return 'no worker serves its queue'
      if (t.waiting?.reason === 'worker_busy') return 'every worker is busy'
      return 'waits for a worker'
    case 'active':
      if (t.overrunning) return 'overrunning'
      if (t.cancel_requested) return 'asked to stop'
      return join(t.progress ? far(t.progress) : '', t.progress?.message ?? '')
    // The time comes first: a long reason is cut where the line ends.
    case 'retrying': return join(`again ${soon(at(t.run_at), now, zone)}`, t.error?.message.replace(/\.$/, '') ?? '')
    case 'succeeded': return t.summary
    case 'failed': return t.error?.message.replace(/\.$/, '') ?? ''
    case 'canceled': return 'called off'
    case 'expired': return t.expires_at ? `not started before ${moment(at(t.expires_at), now, zone)}` : 'not started in time'
  }
}

const join = (a: string, b: string) => [a, b].filter(Boolean).join(' · ')

/** A moment to come: "in 42 s" while that is near, else its time. */
export function soon(t: number, now: number, zone: Zone): string {
  const left = (t - now) / 1000
  if (left <= 0.5) return 'now'
  return left < 3600 ? `in ${coarse(left)}` : moment(t, now, zone)
}

/** How long the task ran: its last attempt when it has ended, the current one while it runs. */
export function ran(t: Task, now: number): number | undefined {
  const last: Attempt | undefined = t.attempts.at(-1)
  if (!last) return undefined
  return (last.finished_at ? at(last.finished_at) : now) - at(last.started_at)
}

/** A task's headline: its subject where it has one, its kind otherwise. */
export function headline(t: Task): string { return t.subject || t.kind }

/** An id short enough for a line: its start and end. */
export function shortId(id: string): string {
  return id.length > 20 ? `${id.slice(0, 10)}…${id.slice(-8)}` : id
}
