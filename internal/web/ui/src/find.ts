// Where a text typed into the search field may lead.

import { fromQuery, toAddress, type Filter } from './filter.ts'
import { states } from './wire.ts'

export interface Way { id: string; what: string; value: string; to: string }

const idForm = /^tsk_[\w-]+$/

/** Where a typed text may lead: a task by its id, a filter by a known word, a tag. */
export function ways(text: string, kinds: string[], queues: string[]): Way[] {
  const typed = text.trim()
  if (typed === '') return []
  if (idForm.test(typed)) return [{ id: 'task', what: 'Open task', value: typed, to: `/tasks/${encodeURIComponent(typed)}` }]
  const [, scope, rest] = /^(kind|queue|tag|state):(.*)$/.exec(typed) ?? [undefined, '', typed]
  const word = rest!.toLowerCase()
  const blank: Filter = fromQuery(new URLSearchParams())
  const found: Way[] = []
  const offer = (what: string, value: string, filter: Partial<Filter>) => {
    if (scope && scope !== what) return
    found.push({ id: `${what}:${value}`, what, value, to: toAddress({ ...blank, ...filter }) })
  }
  for (const s of states) if (s.startsWith(word)) offer('state', s, { states: [s] })
  for (const k of kinds) if (k.toLowerCase().includes(word)) offer('kind', k, { kinds: [k] })
  for (const q of queues) if (q.toLowerCase().includes(word)) offer('queue', q, { queues: [q] })
  if (rest) offer('tag', rest, { tags: [rest] })
  return found.slice(0, 8)
}
