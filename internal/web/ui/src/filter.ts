// What the list shows, as it stands in the address: state, kind, queue, tag, since, before.

import type { State } from './wire.ts'
import { states } from './wire.ts'

export interface Filter {
  states: State[]
  kinds: string[]
  queues: string[]
  tags: string[]
  /** A span back from now ("24h", "today") or an RFC 3339 time; empty for no bound. */
  since: string
  /** An RFC 3339 time; empty for no bound. */
  before: string
}

/** The tabs above the list. An empty list of states means all. */
export const tabs: { name: string; states: State[] }[] = [
  { name: 'All', states: [] },
  { name: 'Waiting', states: ['scheduled', 'pending'] },
  { name: 'Active', states: ['active'] },
  { name: 'Retrying', states: ['retrying'] },
  { name: 'Succeeded', states: ['succeeded'] },
  { name: 'Failed', states: ['failed'] },
  { name: 'Canceled', states: ['canceled'] },
  { name: 'Expired', states: ['expired'] },
]

/** The spans that the filter offers, with their words. */
export const spans: [value: string, words: string][] = [
  ['1h', 'the last hour'], ['today', 'today'], ['24h', 'the last 24 hours'], ['7d', 'the last 7 days'], ['30d', 'the last 30 days'],
]

const split = (v: string | null) => (v ?? '').split(',').map((s) => s.trim()).filter(Boolean)

/** Reads the filter of an address. What it does not know it leaves out. */
export function fromQuery(q: URLSearchParams): Filter {
  return {
    states: split(q.get('state')).filter((s): s is State => states.includes(s as State)),
    kinds: split(q.get('kind')),
    queues: split(q.get('queue')),
    tags: q.getAll('tag').filter(Boolean),
    since: q.get('since') ?? '',
    before: q.get('before') ?? '',
  }
}

/** The address of a filter, starting with /tasks. */
export function toAddress(f: Filter): string {
  const q = new URLSearchParams()
  if (f.states.length) q.set('state', f.states.join(','))
  if (f.kinds.length) q.set('kind', f.kinds.join(','))
  if (f.queues.length) q.set('queue', f.queues.join(','))
  for (const t of f.tags) q.append('tag', t)
  if (f.since) q.set('since', f.since)
  if (f.before) q.set('before', f.before)
  const text = q.toString().replaceAll('%2C', ',').replaceAll('%3A', ':')
  return text ? `/tasks?${text}` : '/tasks'
}

/** The query of the API for a filter. now is in milliseconds. */
export function toApi(f: Filter, now: number): URLSearchParams {
  const q = new URLSearchParams()
  if (f.states.length) q.set('state', f.states.join(','))
  if (f.kinds.length) q.set('kind', f.kinds.join(','))
  if (f.queues.length) q.set('queue', f.queues.join(','))
  for (const t of f.tags) q.append('tag', t)
  const after = bound(f.since, now)
  if (after !== undefined) q.set('after', new Date(after).toISOString())
  const before = bound(f.before, now)
  if (before !== undefined) q.set('before', new Date(before).toISOString())
  return q
}

/** The moment that a bound means, in milliseconds; undefined when it means none. */
export function bound(text: string, now: number): number | undefined {
  if (text === 'today') return new Date(now).setHours(0, 0, 0, 0)
  const span = /^(\d{1,4})([mhd])$/.exec(text)
  if (span) return now - Number(span[1]) * { m: 60e3, h: 3600e3, d: 86400e3 }[span[2] as 'm' | 'h' | 'd']
  const t = Date.parse(text)
  return Number.isNaN(t) ? undefined : t
}

/** Reports whether two lists of states are the same set. */
export function sameStates(a: State[], b: State[]): boolean {
  return a.length === b.length && a.every((s) => b.includes(s))
}

/** Reports whether anything but the state narrows the list. */
export function narrowed(f: Filter): boolean {
  return f.kinds.length > 0 || f.queues.length > 0 || f.tags.length > 0 || f.since !== '' || f.before !== ''
}

/** Reports whether the statistics can count this list: they know kind, queue and state, not tags or times. */
export function countable(f: Filter): boolean {
  return f.tags.length === 0 && f.since === '' && f.before === ''
}

/** Reports whether a task belongs in the list. */
export function matches(f: Filter, t: { state: State; kind: string; queue: string; tags: string[]; created_at: string }, now: number): boolean {
  const created = Date.parse(t.created_at)
  const after = bound(f.since, now)
  const before = bound(f.before, now)
  return (f.states.length === 0 || f.states.includes(t.state))
    && (f.kinds.length === 0 || f.kinds.includes(t.kind))
    && (f.queues.length === 0 || f.queues.includes(t.queue))
    && f.tags.every((tag) => t.tags.includes(tag))
    && (after === undefined || created >= after)
    && (before === undefined || created < before)
}
