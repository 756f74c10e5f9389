import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { api, problemOf } from '../api.ts'
import { curl } from '../curl.ts'
import { fieldId, touched, type Faults, type Typed } from '../form/draft.ts'
import { empty, entryWith, request, toFields, toRaw, type Entry, type Form } from '../form/entry.ts'
import { paths, sortFaults } from '../form/faults.ts'
import { forgetEntry, keepEntry } from '../form/memory.ts'
import { startFields } from '../form/options.ts'
import { coarse, count } from '../format.ts'
import { stringify } from '../json.ts'
import { go } from '../router.ts'
import { session } from '../use.ts'
import { CopyButton } from './copy.tsx'
import { FieldView, Fields } from './field.tsx'
import { Choice } from './menu.tsx'
import { say } from './notice.tsx'

interface Props { form: Form; start: Entry; again: boolean }

/** The form of one kind: required fields, the rest under "More", and the way to hand it in. */
export function NewForm({ form, start, again }: Props) {
  const [entry, setEntry] = useState(start)
  const [faults, setFaults] = useState<Faults>({})
  const [rest, setRest] = useState<string[]>([])
  const [more, setMore] = useState(() => touched(optional(form), start.draft) > 0)
  const [busy, setBusy] = useState(false)
  const root = useRef<HTMLFormElement>(null)
  const [looked, setLooked] = useState(0)
  useLayoutEffect(() => {
    if (looked > 0) root.current?.querySelector<HTMLElement>('[aria-invalid=true], .wrong input, [data-rest]')?.focus()
  }, [looked])
  const sent = useRef({ body: '', key: '' })
  useEffect(() => { if (entry !== start) keepEntry(form, entry) }, [entry])

  const change = (path: string, v: Typed | undefined) => {
    setEntry((e) => {
      const draft = { ...e.draft }
      if (v === undefined) delete draft[path]
      else draft[path] = v
      return { ...e, draft }
    })
    setFaults((f) => { const { [path]: _, ...others } = f; return others })
  }
  const show = (byPath: Faults, others: string[]) => {
    setFaults(byPath)
    setRest(others)
    const required = new Set(form.input.filter((f) => f.required).map((f) => f.path))
    if (Object.keys(byPath).some((p) => !required.has(p) && p !== 'input')) setMore(true)
    setLooked((n) => n + 1)
  }
  const submit = async (e: Event) => {
    e.preventDefault()
    const { body, faults: own } = request(form, entry)
    if (Object.keys(own).length > 0) return show(own, [])
    const text = stringify(body)
    // The same form sent again after a lost answer must not become a second task.
    if (sent.current.body !== text) sent.current = { body: text, key: randomKey() }
    setBusy(true)
    setRest([])
    try {
      const { status, headers, body: task } = await api.submit(text, sent.current.key, entry.fresh)
      forgetEntry(form)
      if (status === 200) say(hit(headers))
      go(`/tasks/${encodeURIComponent(task.id)}`)
    } catch (err) {
      const p = problemOf(err)
      const known = [...(entry.raw === undefined ? paths(form.input) : []), 'input', ...paths(form.options), 'delay', 'run_at', 'kind']
      const { byPath, rest: others } = sortFaults(p.faults, known)
      const loose = [byPath.kind && `kind ${byPath.kind}`, entry.raw === undefined && byPath.input && `input ${byPath.input}`].filter(Boolean) as string[]
      show(byPath, [...(p.faults.length ? [] : [p.message]), ...loose, ...others])
      setBusy(false)
    }
  }
  const wrong = Object.keys(faults).length
  return (
    <form class="card new" ref={root} onSubmit={submit} noValidate aria-label={form.kind.title}>
      <div class="new-top">
        <div class="new-say">
          <p class="muted">{form.kind.description}</p>
          <Quick form={form} entry={entry} onChange={(e) => { setEntry(e); setFaults({}); setRest([]) }} />
        </div>
        <Modes form={form} entry={entry} onChange={(e) => { setEntry(e); setFaults({}) }} onFault={(f) => setFaults({ input: f })} />
      </div>
      {again && <p class="note inset muted">Filled in as that task was. It becomes a new task.</p>}
      {entry.raw === undefined
        ? <Fields fields={form.input.filter((f) => f.required)} draft={entry.draft} faults={faults} onChange={change} />
        : <RawInput value={entry.raw} fault={faults.input} onChange={(raw) => { setEntry((e) => ({ ...e, raw })); setFaults({}) }} />}
      <details class="fold" open={more} onToggle={(e) => setMore(e.currentTarget.open)}>
        <summary>More <span class="muted">{inside(form, entry)}</span></summary>
        {entry.raw === undefined && <Fields fields={form.input.filter((f) => !f.required)} draft={entry.draft} faults={faults} onChange={change} />}
        <Options form={form} entry={entry} faults={faults} onEntry={setEntry} onChange={change} />
      </details>
      {(rest.length > 0 || wrong > 0) && (
        <div class="rest" role="alert" data-rest tabIndex={-1}>
          {rest.length > 0 ? rest.map((r) => <p key={r}>{r}</p>) : <p>{wrong === 1 ? 'One field needs another look.' : `${count(wrong)} fields need another look.`}</p>}
        </div>
      )}
      <div class="actions submit">
        <button class="button main" disabled={busy}>{busy ? 'Handing in…' : 'Hand in'}</button>
        <CopyButton label="Copy as curl" text={() => curl(location.origin, stringify(request(form, entry).body), session.value?.required ?? false)} />
      </div>
    </form>
  )
}

const optional = (form: Form) => [...form.input.filter((f) => !f.required), ...form.options]

/** What is behind "More": how many of its fields are set, or what they are about. */
function inside(form: Form, e: Entry): string {
  const set = touched(e.raw === undefined ? optional(form) : form.options, e.draft) + (e.start === 'now' ? 0 : 1)
  if (set > 0) return `${count(set)} set`
  const names = e.raw === undefined ? form.input.filter((f) => !f.required).map((f) => f.label.toLowerCase()) : []
  return [...names.slice(0, 3), 'start', 'queue', 'tags', 'attempts'].join(', ')
}

/** Fills the form in with the kind's example, or empties it. */
function Quick({ form, entry, onChange }: { form: Form; entry: Entry; onChange: (e: Entry) => void }) {
  if (entry.raw === undefined && touched(form.input, entry.draft) === 0) {
    return <button type="button" class="link small" onClick={() => onChange({ ...entryWith(form, form.kind.example), start: entry.start })}>Fill in the example</button>
  }
  return <button type="button" class="link small" onClick={() => onChange(empty)}>Clear the form</button>
}

function Modes({ form, entry, onChange, onFault }: { form: Form; entry: Entry; onChange: (e: Entry) => void; onFault: (f: string) => void }) {
  const to = (mode: 'form' | 'json') => {
    if (mode === 'json') return onChange({ ...entry, raw: toRaw(form, entry) })
    const next = toFields(form, entry)
    return typeof next === 'string' ? onFault(next) : onChange(next)
  }
  return <Choice name="Input as" value={entry.raw === undefined ? 'form' : 'json'} options={[['form', 'Form'], ['json', 'JSON']]} onChange={to} />
}

function RawInput({ value, fault, onChange }: { value: string; fault: string | undefined; onChange: (v: string) => void }) {
  return (
    <div class={fault ? 'field wrong' : 'field'}>
      <div class="label-line"><label for="raw">Input as JSON</label></div>
      <textarea id="raw" class="input mono" rows={Math.min(24, Math.max(8, value.split('\n').length + 1))} spellcheck={false} autocapitalize="off" value={value}
        aria-invalid={fault ? true : undefined} aria-describedby="raw-fault raw-help" onInput={(e) => onChange(e.currentTarget.value)} />
      <p id="raw-fault" class="fault-line">{fault ? `Input ${fault}` : ''}</p>
      <p id="raw-help" class="help">Sent as it stands; numbers stay exact. Up to 256 KB.</p>
    </div>
  )
}

interface OptionsProps { form: Form; entry: Entry; faults: Faults; onEntry: (f: (e: Entry) => Entry) => void; onChange: (path: string, v: Typed | undefined) => void }

/** What every task may be told beside its input. */
function Options({ form, entry, faults, onEntry, onChange }: OptionsProps) {
  const f = entry.start === 'now' ? undefined : startFields[entry.start === 'delay' ? 'delay' : 'run_at']
  return (
    <fieldset class="group">
      <legend>The task</legend>
      <div class="field">
        <div class="label-line"><span class="label">Start</span></div>
        <Choice name="Start" value={entry.start} options={[['now', 'At once'], ['delay', 'After a while'], ['at', 'At a time']]} onChange={(start) => onEntry((e) => ({ ...e, start }))} />
      </div>
      {f && <FieldView field={{ ...f, required: true }} value={entry.draft[f.path]} fault={faults[f.path]} onChange={(v) => onChange(f.path, v)} />}
      <Fields fields={form.options} draft={entry.draft} faults={faults} onChange={onChange} />
      <div class="field">
        <label class="check"><input id={fieldId('fresh')} type="checkbox" checked={entry.fresh} onChange={(e) => { const fresh = e.currentTarget.checked; onEntry((x) => ({ ...x, fresh })) }} /><span>Run even when an earlier result could be served</span></label>
      </div>
    </fieldset>
  )
}

/** Why an existing task came back instead of a new one. */
function hit(headers: Headers): string {
  const age = headers.get('Age')
  if (age) return `This result was already there: it is ${coarse(Number(age))} old.`
  if (headers.get('Idempotency-Replayed')) return 'That task was handed in already; here it is.'
  return 'A task with this unique key is there already; here it is.'
}

/** A key that nobody else chooses. randomUUID is missing on plain HTTP. */
function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('')
}
