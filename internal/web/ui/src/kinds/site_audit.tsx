import { useState } from 'preact/hooks'
import { api } from '../api.ts'
import { count, plural } from '../format.ts'
import { stringify, type Json } from '../json.ts'
import { Load } from '../parts/icons.tsx'
import { JsonCard, download } from '../parts/json.tsx'
import type { Report, Task } from '../wire.ts'
import { local, search, sheets, stopped, type Entry, type Sheet } from './report.ts'

const atOnce = 100

/** The report of a site audit: what was looked at, then every fault by its sort. */
export function Audit({ task, report }: { task: Task; report: Report }) {
  const all = sheets(report)
  const [id, pick] = useState((all.find((s) => s.total > 0) ?? all[0]!).id)
  const [text, setText] = useState('')
  const [raw, setRaw] = useState(false)
  const sheet = all.find((s) => s.id === id)!
  const t = report.totals
  const look = all.filter((s) => !['broken', 'unchecked'].includes(s.id)).reduce((n, s) => n + s.total, 0)
  const why = stopped(report)
  return (
    <>
      <section class="card tiles" aria-label="Totals">
        <Tile n={t.pages} word="page read" words="pages read" />
        <Tile n={t.links_checked} word="link checked" words="links checked" />
        <Tile n={t.broken} word="broken" words="broken" state="failed" />
        <Tile n={look} word="worth a look" words="worth a look" state="retrying" />
      </section>
      {(why || report.truncated) && (
        <p class="card note">{why} {report.truncated && 'Some lists are cut to fit into a result; the numbers count everything.'}</p>
      )}
      <section class="card report" aria-label="Report">
        <div class="report-bar">
          <div class="tabs" role="tablist" aria-label="Sorts of faults">
            {all.map((s) => (
              <button key={s.id} role="tab" id={`tab-${s.id}`} aria-selected={s.id === id} aria-controls="sheet" onClick={() => pick(s.id)}>
                {s.name}<span class="n">{count(s.total)}</span>
              </button>
            ))}
          </div>
        </div>
        <div class="report-tools">
          <input class="input" type="search" placeholder="Filter by URL, text or status" aria-label="Filter the report" value={text} onInput={(e) => setText(e.currentTarget.value)} />
          <a class="button" href={api.csv(task.id)} download={`${task.id}.csv`}><Load />CSV</a>
          <button class="button" onClick={() => download(`${task.id}.json`, stringify(task.result, 2))}><Load />JSON</button>
        </div>
        <SheetView key={id} sheet={sheet} text={text} site={report.site} />
      </section>
      {raw
        ? <JsonCard title="Result" value={report as unknown as Json} file={`${task.id}.json`} />
        : <button class="link" onClick={() => setRaw(true)}>Show the result as JSON</button>}
    </>
  )
}

function Tile({ n, word, words, state }: { n: number; word: string; words: string; state?: string }) {
  return <div class={state && n > 0 ? `tile ${state}` : 'tile'}><b>{count(n)}</b><span>{n === 1 ? word : words}</span></div>
}

function SheetView({ sheet, text, site }: { sheet: Sheet; text: string; site: string }) {
  const [shown, show] = useState(atOnce)
  const matching = search(sheet.entries, text)
  return (
    <div id="sheet" role="tabpanel" aria-labelledby={`tab-${sheet.id}`}>
      {sheet.total === 0 && <p class="note muted">{sheet.good}</p>}
      {sheet.total > 0 && matching.length === 0 && <p class="note muted">Nothing here holds “{text.trim()}”.</p>}
      {matching.length > 0 && <ul class="faults">{matching.slice(0, shown).map((e, i) => <EntryRow key={i} entry={e} site={site} sort={sheet.id} />)}</ul>}
      {matching.length > shown && <button class="older" onClick={() => show(shown + 500)}>Show {count(Math.min(500, matching.length - shown))} more</button>}
      {matching.length > 0 && matching.length <= shown && sheet.entries.length < sheet.total && (
        <p class="note muted">{count(sheet.total - sheet.entries.length)} more did not fit into the result.</p>
      )}
    </div>
  )
}

/** A link out of this page, as short as the site lets it be. Only what is surely the web's becomes a link. */
function Outward({ url, site }: { url: string; site: string }) {
  return /^https?:/i.test(url) ? <a href={url} title={url.length > 200 ? url : undefined} target="_blank" rel="noreferrer">{local(url, site)}</a> : <>{url}</>
}

function EntryRow({ entry: e, site, sort }: { entry: Entry; site: string; sort: string }) {
  const [open, setOpen] = useState(false)
  const first = e.places[0]
  return (
    <li class={`fault ${sort}`}>
      <span class="code">{e.mark}</span>
      <div class="fault-body">
        <p class="fault-subject"><Outward url={e.subject} site={site} /></p>
        <p class="muted">
          {e.detail}
          {first && <> · {e.text && <>“{e.text}” </>}on <Outward url={first} site={site} /></>}
        </p>
        {open && (
          <ul class="places">
            {e.places.slice(1).map((p) => <li key={p}><Outward url={p} site={site} /></li>)}
            {e.total > e.places.length && <li class="muted">and {plural(e.total - e.places.length, 'more page', 'more pages')}</li>}
          </ul>
        )}
      </div>
      {e.total > 1
        ? <button class="link" aria-expanded={open} onClick={() => setOpen(!open)}>on {plural(e.total, 'page')}</button>
        : <span class="muted">{e.total === 1 ? 'on 1 page' : ''}</span>}
    </li>
  )
}
