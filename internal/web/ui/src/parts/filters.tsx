import { useState } from 'preact/hooks'
import { useLoad, useKinds } from '../use.ts'
import { api } from '../api.ts'
import { useBox } from '../box.ts'
import { now } from '../clock.ts'
import { narrowed, sameStates, spans, tabs, toAddress, type Filter } from '../filter.ts'
import { at, count, moment } from '../format.ts'
import { localTime } from '../form/draft.ts'
import { go } from '../router.ts'
import { zone } from '../settings.ts'
import type { State } from '../wire.ts'
import { Cross } from './icons.tsx'

/** The tabs by state. counts is undefined where nobody knows them. */
export function Tabs({ filter, counts }: { filter: Filter; counts: ((states: State[]) => number) | undefined }) {
  const shown = tabs.some((t) => sameStates(t.states, filter.states)) ? tabs : [...tabs, { name: filter.states.join(', '), states: filter.states }]
  return (
    <nav class="tabs" aria-label="State">
      {shown.map((t) => (
        <a key={t.name} href={toAddress({ ...filter, states: t.states })} aria-current={sameStates(t.states, filter.states) ? 'true' : undefined}>
          {t.name}{counts && <span class="n">{count(counts(t.states))}</span>}
        </a>
      ))}
    </nav>
  )
}

/** What narrows the list beside the state, each with a way to take it off. */
export function Chips({ filter }: { filter: Filter }) {
  const z = useBox(zone)
  if (!narrowed(filter)) return null
  const time = (text: string) => {
    const words = spans.find(([v]) => v === text)?.[1]
    return words ?? (Number.isNaN(at(text)) ? text : moment(at(text), now(), z))
  }
  const chips: { name: string; value: string; without: Filter }[] = [
    ...filter.kinds.map((v) => ({ name: 'kind', value: v, without: { ...filter, kinds: filter.kinds.filter((x) => x !== v) } })),
    ...filter.queues.map((v) => ({ name: 'queue', value: v, without: { ...filter, queues: filter.queues.filter((x) => x !== v) } })),
    ...filter.tags.map((v) => ({ name: 'tag', value: v, without: { ...filter, tags: filter.tags.filter((x) => x !== v) } })),
    ...(filter.since ? [{ name: 'since', value: time(filter.since), without: { ...filter, since: '' } }] : []),
    ...(filter.before ? [{ name: 'before', value: time(filter.before), without: { ...filter, before: '' } }] : []),
  ]
  return (
    <ul class="chips" aria-label="Filters in force">
      {chips.map((c) => (
        <li class="chip" key={`${c.name} ${c.value}`}>
          <span class="muted">{c.name}</span> <span class="cut" title={c.value}>{c.value}</span>
          <a href={toAddress(c.without)} aria-label={`Remove the filter ${c.name} ${c.value}`}><Cross /></a>
        </li>
      ))}
      {chips.length > 1 && <li><a class="link" href={toAddress({ ...filter, kinds: [], queues: [], tags: [], since: '', before: '' })}>Clear all</a></li>}
    </ul>
  )
}

/** The form that narrows the list. Each change goes into the address at once. */
export function FilterForm({ filter }: { filter: Filter }) {
  const { kinds } = useKinds()
  const queues = useLoad('queues', (signal) => api.queues(signal)).data?.items.map((q) => q.name) ?? []
  const [tag, setTag] = useState('')
  const set = (part: Partial<Filter>) => go(toAddress({ ...filter, ...part }), true)
  const names = (known: string[], chosen: string[]) => [...new Set([...known, ...chosen])]
  const addTag = (e: Event) => {
    e.preventDefault()
    const t = tag.trim()
    if (t && !filter.tags.includes(t)) set({ tags: [...filter.tags, t] })
    setTag('')
  }
  const exact = filter.since !== '' && !spans.some(([v]) => v === filter.since)
  return (
    <form class="card filter" onSubmit={addTag} aria-label="Filter">
      <Pick label="Kind" all="Any kind" value={filter.kinds} options={names((kinds ?? []).map((k) => k.name), filter.kinds)} onChange={(v) => set({ kinds: v })} />
      <Pick label="Queue" all="Any queue" value={filter.queues} options={names(queues, filter.queues)} onChange={(v) => set({ queues: v })} />
      <div class="field">
        <label for="filter-tag">Tag</label>
        <input id="filter-tag" class="input" value={tag} placeholder="order:1182" enterkeyhint="done" autocomplete="off" onInput={(e) => setTag(e.currentTarget.value)} onBlur={addTag} />
      </div>
      <div class="field">
        <label for="filter-since">Handed in since</label>
        <select id="filter-since" class="input" value={filter.since} onChange={(e) => set({ since: e.currentTarget.value })}>
          <option value="">Any time</option>
          {spans.map(([v, words]) => <option key={v} value={v}>{words.replace(/^the /, '').replace(/^./, (c) => c.toUpperCase())}</option>)}
          {exact && <option value={filter.since}>{filter.since}</option>}
        </select>
      </div>
      <div class="field">
        <label for="filter-before">Handed in before</label>
        <input id="filter-before" class="input" type="datetime-local" value={filter.before ? localTime(filter.before).slice(0, 16) : ''}
          onChange={(e) => set({ before: e.currentTarget.value ? new Date(e.currentTarget.value).toISOString() : '' })} />
      </div>
    </form>
  )
}

interface PickProps { label: string; all: string; value: string[]; options: string[]; onChange: (v: string[]) => void }

function Pick({ label, all, value, options, onChange }: PickProps) {
  const id = `filter-${label.toLowerCase()}`
  const many = value.join(',')
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} class="input" value={many} onChange={(e) => onChange(e.currentTarget.value ? e.currentTarget.value.split(',') : [])}>
        <option value="">{all}</option>
        {value.length > 1 && <option value={many}>{value.join(', ')}</option>}
        {options.map((o) => <option key={o} value={o}>{o}</option>)}
      </select>
    </div>
  )
}
