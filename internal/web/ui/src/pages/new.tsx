import { useEffect, useState } from 'preact/hooks'
import { api } from '../api.ts'
import { useBox } from '../box.ts'
import { empty, entryOf, entryWith, formOf, type Entry } from '../form/entry.ts'
import { recall } from '../form/memory.ts'
import { Blank, Skeleton, Trouble } from '../parts/blank.tsx'
import { NewForm } from '../parts/newform.tsx'
import { may } from '../me.ts'
import { go, place } from '../router.ts'
import { useKinds, useLoad, useTitle } from '../use.ts'
import type { Kind } from '../wire.ts'

/** The page to hand in a task: empty, with a kind's example, or as an earlier task was. */
export function NewPage() {
  const { query } = useBox(place)
  const from = query.get('from') ?? ''
  const { kinds, problem, again } = useKinds()
  const source = useLoad(`task ${from}`, async (signal) => (from ? api.task(from, signal) : null))
  const wanted = query.get('kind') ?? source.data?.kind
  const kind = kinds?.find((k) => k.name === wanted) ?? (wanted ? undefined : kinds?.[0])
  useTitle(kind ? `New ${kind.title}` : 'New task')
  const trouble = problem ?? source.problem
  if (!may('tasks.submit')) {
    return <Blank whole title="Your token may not hand tasks in" actions={<a class="button" href="/tasks">Go to tasks</a>}>It takes the role submitter. An admin can make such a token for you.</Blank>
  }
  return (
    <div class="narrow">
      <div class="head"><h1>{from ? 'Run again' : 'New task'}</h1></div>
      {trouble && <Trouble problem={trouble} onRetry={() => { again(); source.again() }} />}
      {!trouble && (!kinds || source.data === undefined) && <div class="card"><Skeleton rows={4} /></div>}
      {kinds && source.data !== undefined && (
        <>
          <KindPicker kinds={kinds} value={kind?.name} />
          {kind
            ? <Filled key={kind.name} kind={kind} task={source.data?.kind === kind.name ? source.data : null} example={query.has('example')} />
            : <Blank title="There is no such kind of task">This server knows no “{wanted}”. Choose one of the kinds above.</Blank>}
        </>
      )}
    </div>
  )
}

function KindPicker({ kinds, value }: { kinds: Kind[]; value: string | undefined }) {
  return (
    <fieldset class="kinds">
      <legend class="unseen">Kind</legend>
      {kinds.map((k) => (
        <label key={k.name} class="kind">
          <input type="radio" name="kind" value={k.name} checked={k.name === value} onChange={() => go(`/new?kind=${encodeURIComponent(k.name)}`, true)} />
          <span><b>{k.title}</b><span class="mono muted cut">{k.name}</span></span>
        </label>
      ))}
    </fieldset>
  )
}

interface FilledProps { kind: Kind; task: Parameters<typeof entryOf>[1] | null; example: boolean }

/** The form with what it starts from. */
function Filled({ kind, task, example }: FilledProps) {
  const [form] = useState(() => formOf(kind))
  const [start] = useState<Entry>(() => {
    if (task) return entryOf(form, task)
    const before = recall(form)
    return example && before === empty ? entryWith(form, kind.example) : before
  })
  // The address says how the form started; what is typed since then must not be overwritten by a reload.
  useEffect(() => { if (example) go(`/new?kind=${encodeURIComponent(kind.name)}`, true) }, [])
  return <NewForm form={form} start={start} again={task !== null} />
}
