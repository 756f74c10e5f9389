import { useEffect, useState } from 'preact/hooks'
import { api, problemOf, type Problem } from '../api.ts'
import { useBox } from '../box.ts'
import { now } from '../clock.ts'
import { bound, spans } from '../filter.ts'
import { capital, plural } from '../format.ts'
import { go, place } from '../router.ts'
import { Blank, Skeleton, Trouble } from '../parts/blank.tsx'
import { Funnel } from '../parts/icons.tsx'
import { When } from '../parts/time.tsx'
import { useTitle } from '../use.ts'
import type { Entry } from '../wire.ts'

/** What the address says of the trail. */
const names = ['actor', 'action', 'object', 'outcome', 'since'] as const
type Name = (typeof names)[number]

const outcomes: Entry['outcome'][] = ['done', 'refused', 'failed']

/** Who changed what, and who was refused. */
export function AuditPage() {
  useTitle('Audit')
  const { query } = useBox(place)
  return <Trail key={query.toString()} query={query} />
}

function Trail({ query }: { query: URLSearchParams }) {
  const [items, setItems] = useState<Entry[]>()
  const [cursor, setCursor] = useState<string | null>(null)
  const [problem, setProblem] = useState<Problem>()
  const [busy, setBusy] = useState(false)
  const load = async (from: string | null) => {
    setBusy(true)
    try {
      const page = await api.audit(toApi(query, from))
      setItems((old) => (from === null ? page.items : [...(old ?? []), ...page.items]))
      setCursor(page.next_cursor)
      setProblem(undefined)
    } catch (err) {
      setProblem(problemOf(err))
    }
    setBusy(false)
  }
  useEffect(() => { void load(null) }, [])
  return (
    <>
      <Head query={query} onAgain={() => void load(null)} />
      {!items && problem && <Trouble problem={problem} onRetry={() => void load(null)} />}
      {!items && !problem && <div class="card"><Skeleton rows={8} /></div>}
      {items?.length === 0 && cursor === null && <Empty query={query} />}
      {items && items.length > 0 && (
        <div class="card scroll">
          <table class="table">
            <thead>
              <tr><th scope="col">Who</th><th scope="col">Did what</th><th scope="col">On what</th><th scope="col">From</th><th scope="col">Outcome</th><th scope="col" class="right">When</th></tr>
            </thead>
            <tbody>{items.map((e) => <EntryRow key={e.id} entry={e} query={query} />)}</tbody>
          </table>
        </div>
      )}
      {items && (items.length > 0 || cursor !== null) && (
        <p class="foot muted">
          {cursor === null ? `${plural(items.length, 'entry', 'entries')}, all of them` : `The newest ${items.length}`}
          {cursor !== null && <button class="link" disabled={busy} onClick={() => void load(cursor)}>{busy ? 'Loading…' : 'Load older'}</button>}
          {problem && <span class="fault-line" role="alert">{problem.message}</span>}
        </p>
      )}
    </>
  )
}

function EntryRow({ entry: e, query }: { entry: Entry; query: URLSearchParams }) {
  const who = e.name || e.actor || 'Somebody unknown'
  return (
    <tr>
      <th scope="row">{e.actor ? <a data-row href={narrowed(query, 'actor', e.actor)} class="cut" title={`${e.actor}, by ${e.via}`}>{who}</a> : <span class="muted">{who}</span>}</th>
      <td data-label="Did what">{e.action ? <a class="link" href={narrowed(query, 'action', e.action)}>{words(e.action)}</a> : <span class="muted">an unknown address</span>}</td>
      <td class={e.object ? 'wide' : 'zero'} data-label="On what"><span class="mono cut" title={e.object}>{e.object.startsWith('tsk_') ? <a class="link" href={`/tasks/${encodeURIComponent(e.object)}`}>{e.object}</a> : e.object}</span></td>
      <td data-label="From"><span class="mono">{e.address}</span></td>
      <td data-label="Outcome"><span class={e.outcome === 'done' ? '' : 'alarm'} title={`Status ${e.status}, request ${e.request_id}`}>{capital(e.outcome)}</span></td>
      <td class="right" data-label="When"><When time={e.at} /></td>
    </tr>
  )
}

/** "Cancel task" for cancelTask. */
const words = (action: string) => capital(action.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`))

function toApi(query: URLSearchParams, cursor: string | null): URLSearchParams {
  const q = new URLSearchParams()
  for (const name of names) {
    const value = query.get(name)
    if (value && name !== 'since') q.set(name, value)
  }
  const after = bound(query.get('since') ?? '', now())
  if (after !== undefined) q.set('after', new Date(after).toISOString())
  if (cursor !== null) q.set('cursor', cursor)
  return q
}

function narrowed(query: URLSearchParams, name: Name, value: string): string {
  const q = new URLSearchParams()
  for (const n of names) {
    const v = n === name ? value : query.get(n)
    if (v) q.set(n, v)
  }
  const text = q.toString()
  return text ? `/audit?${text}` : '/audit'
}

const isNarrowed = (query: URLSearchParams) => names.some((n) => query.get(n))

function Head({ query, onAgain }: { query: URLSearchParams; onAgain: () => void }) {
  const [open, setOpen] = useState(isNarrowed(query))
  const set = (name: Name, value: string) => go(narrowed(query, name, value.trim()), true)
  const text = (name: Name, label: string, placeholder: string) => (
    <div class="field">
      <label for={`audit-${name}`}>{label}</label>
      <input id={`audit-${name}`} class="input" defaultValue={query.get(name) ?? ''} placeholder={placeholder} autocomplete="off" autocapitalize="off" spellcheck={false}
        enterkeyhint="search" onChange={(e) => set(name, e.currentTarget.value)} />
    </div>
  )
  return (
    <>
      <div class="head">
        <h1>Audit</h1>
        <div class="push">
          <button class="button" aria-expanded={open} onClick={() => setOpen(!open)}><Funnel />Filter</button>
          <button class="button" onClick={onAgain}>Look again</button>
        </div>
      </div>
      {open && (
        <form class="card filter" aria-label="Filter" onSubmit={(e) => e.preventDefault()}>
          {text('actor', 'Who', 'tok_… or admin')}
          {text('action', 'Did what', 'cancelTask')}
          {text('object', 'On what', 'tsk_…')}
          <div class="field">
            <label for="audit-outcome">Outcome</label>
            <select id="audit-outcome" class="input" value={query.get('outcome') ?? ''} onChange={(e) => set('outcome', e.currentTarget.value)}>
              <option value="">Any outcome</option>
              {outcomes.map((o) => <option key={o} value={o}>{capital(o)}</option>)}
            </select>
          </div>
          <div class="field">
            <label for="audit-since">Since</label>
            <select id="audit-since" class="input" value={query.get('since') ?? ''} onChange={(e) => set('since', e.currentTarget.value)}>
              <option value="">Any time</option>
              {spans.map(([v, w]) => <option key={v} value={v}>{capital(w.replace(/^the /, ''))}</option>)}
            </select>
          </div>
          {isNarrowed(query) && <div class="field end"><a class="link" href="/audit">Clear the filter</a></div>}
        </form>
      )}
    </>
  )
}

function Empty({ query }: { query: URLSearchParams }) {
  if (isNarrowed(query)) {
    return <Blank title="Nothing matches" actions={<a class="button" href="/audit">Clear the filter</a>}>There may be entries, but none that fits all of the filter.</Blank>
  }
  return <Blank title="Nothing was changed yet">Whatever people and admins change is listed here, and who was refused. What programs hand in stands in the log.</Blank>
}
