import { useEffect, useRef, useState } from 'preact/hooks'
import { api } from '../api.ts'
import { Box, useBox } from '../box.ts'
import { now } from '../clock.ts'
import { countable, fromQuery, narrowed, sameStates, tabs, toAddress, toApi, type Filter } from '../filter.ts'
import { count, plural } from '../format.ts'
import { keep, kept } from '../kept.ts'
import { first, none, older, type Rows } from '../list.ts'
import { useStream } from '../live.ts'
import { may } from '../me.ts'
import { place, restorePlace } from '../router.ts'
import { useTitle } from '../use.ts'
import { states, type Counts, type State, type Task } from '../wire.ts'
import * as list from '../list.ts'
import { problemOf, type Problem } from '../api.ts'
import { Blank, Skeleton, Trouble } from '../parts/blank.tsx'
import { Chips, FilterForm, Tabs } from '../parts/filters.tsx'
import { Funnel, Up } from '../parts/icons.tsx'
import { TaskRow } from '../parts/row.tsx'

const stats = new Box<Counts | undefined>(undefined)

/** The list of tasks. */
export function TasksPage() {
  const { query } = useBox(place)
  const address = toAddress(fromQuery(query))
  return <TaskList key={address} address={address} filter={fromQuery(query)} />
}

function TaskList({ address, filter }: { address: string; filter: Filter }) {
  const returning = useRef(place.value.returning && kept.has(address)).current
  const [rows, setRows] = useState<Rows>(() => (returning ? kept.get(address)! : none))
  const [loaded, setLoaded] = useState(returning)
  const [problem, setProblem] = useState<Problem>()
  const [more, setMore] = useState(false)
  const numbers = useBox(stats)
  const change = (f: (r: Rows) => Rows) => setRows((r) => { const next = f(r); keep(address, next); return next })

  /** Asks for the first page: anew, or to catch up with what stands. One after the other: an older answer must not come later. */
  const loading = useRef(Promise.resolve())
  const load = (anew: boolean) => (loading.current = loading.current.then(() => ask(anew)))
  const ask = async (anew: boolean) => {
    try {
      const page = await api.tasks(toApi(filter, now()))
      change((r) => (anew ? first(page) : list.refresh(r, page, filter, now())))
      setProblem(undefined)
      setLoaded(true)
    } catch (err) {
      setProblem(problemOf(err))
    }
  }
  const loadStats = () => api.stats().then((s) => { stats.value = s }, () => undefined)
  useEffect(() => {
    void load(!returning)
    void loadStats()
    if (returning) restorePlace()
  }, [])
  useStream(streamOf(filter), undefined, {
    task: (data) => change((r) => list.change(r, JSON.parse(data) as Task, filter, now())),
    deleted: (data) => change((r) => list.removed(r, (JSON.parse(data) as { id: string }).id)),
    counts: (data) => { stats.value = JSON.parse(data) as Counts },
    reset: () => { void load(false); void loadStats() },
  }, () => { void load(false); void loadStats() })
  const loadOlder = async () => {
    setMore(true)
    try {
      const q = toApi(filter, now())
      q.set('cursor', rows.cursor!)
      const page = await api.tasks(q)
      change((r) => older(r, page))
    } catch (err) {
      setProblem(problemOf(err))
    }
    setMore(false)
  }
  const showFresh = async () => {
    await load(true)
    scrollTo({ top: 0 })
  }

  const counts = numbers && countable(filter) ? counter(numbers, filter) : undefined
  useTitle(titleOf(filter))
  return (
    <>
      <Head filter={filter} />
      <Tabs filter={filter} counts={counts} />
      <Chips filter={filter} />
      {rows.fresh.size > 0 && rows.items.length > 0 && (
        <div class="fresh"><button class="button" onClick={showFresh}><Up />{plural(rows.fresh.size, 'new task')}</button></div>
      )}
      {problem && !loaded && <Trouble problem={problem} onRetry={() => void load(true)} />}
      {!loaded && !problem && <div class="card"><Skeleton rows={8} /></div>}
      {loaded && rows.items.length === 0 && <Empty filter={filter} total={numbers ? sum(numbers.totals) : undefined} />}
      {rows.items.length > 0 && <ul class="card rows" aria-label="Tasks">{rows.items.map((t) => <TaskRow key={t.id} task={t} gone={rows.gone.has(t.id)} />)}</ul>}
      {loaded && rows.items.length > 0 && (
        <p class="foot muted">
          {footer(rows, counts?.(filter.states))}
          {rows.cursor !== null && <button class="link" disabled={more} onClick={loadOlder}>{more ? 'Loading…' : 'Load older'}</button>}
          {problem && <span class="fault-line" role="alert">{problem.message}</span>}
        </p>
      )}
    </>
  )
}

function Head({ filter }: { filter: Filter }) {
  const [open, setOpen] = useState(filterOpen)
  const toggle = () => { filterOpen = !open; setOpen(!open) }
  return (
    <>
      <div class="head">
        <h1>Tasks</h1>
        <div class="push">
          <button class="button" aria-expanded={open} onClick={toggle}><Funnel />Filter</button>
          {may('tasks.submit') && <a class="button main" href="/new">New task</a>}
        </div>
      </div>
      {open && <FilterForm filter={filter} />}
    </>
  )
}

// Whether the filter stands open; it stays so from one filtered list to the next.
let filterOpen = false

function streamOf(f: Filter): string {
  const q = new URLSearchParams()
  if (f.kinds.length) q.set('kind', f.kinds.join(','))
  if (f.queues.length) q.set('queue', f.queues.join(','))
  return `/api/v1/events${q.size ? `?${q}` : ''}`
}

function counter(numbers: Counts, f: Filter): (wanted: State[]) => number {
  const by = new Map<State, number>()
  for (const i of numbers.items) {
    if (f.kinds.length && !f.kinds.includes(i.kind)) continue
    if (f.queues.length && !f.queues.includes(i.queue)) continue
    by.set(i.state as State, (by.get(i.state as State) ?? 0) + i.count)
  }
  return (wanted) => (wanted.length ? wanted : states).reduce((n, s) => n + (by.get(s) ?? 0), 0)
}

const sum = (totals: Counts['totals']) => Object.values(totals).reduce((a, b) => a + b, 0)

function footer(rows: Rows, total: number | undefined): string {
  const n = rows.items.length
  if (rows.cursor === null) return `${plural(n, 'task')}, all of them`
  return total === undefined || total < n ? `The newest ${count(n)}` : `The newest ${count(n)} of ${count(total)}`
}

function titleOf(f: Filter): string {
  const tab = f.states.length ? tabs.find((t) => sameStates(t.states, f.states))?.name ?? f.states.join(', ') : ''
  return tab ? `${tab} tasks` : 'Tasks'
}

/** Says why the list is empty, and the next step. */
function Empty({ filter, total }: { filter: Filter; total: number | undefined }) {
  const tab = filter.states.length ? (tabs.find((t) => sameStates(t.states, filter.states))?.name ?? filter.states.join(' or ')).toLowerCase() : ''
  if (total === 0 || (!tab && !narrowed(filter))) {
    return (
      <Blank title="No task was handed in yet" actions={<>{may('tasks.submit') && <a class="button main" href="/new?kind=demo.echo&example=1">Try a first task</a>}<a class="button" href="/docs">Read the API documentation</a></>}>
        {may('tasks.submit')
          ? 'Hand one in here, or from your own code through the API. It appears in this list and you can watch it run.'
          : 'A token of the role submitter may hand one in; yours may look on. It appears in this list and you can watch it run.'}
      </Blank>
    )
  }
  if (narrowed(filter)) {
    return (
      <Blank title={`No ${tab ? `${tab} ` : ''}task matches`} actions={<a class="button" href={toAddress({ ...filter, kinds: [], queues: [], tags: [], since: '', before: '' })}>Clear the filter</a>}>
        There are tasks, but none that fits {tab ? 'this state and ' : ''}all of the filters above.
      </Blank>
    )
  }
  return <Blank title={`No task is ${tab} now`} actions={<a class="button" href="/tasks">Show all tasks</a>}>This list fills by itself when there is one.</Blank>
}
