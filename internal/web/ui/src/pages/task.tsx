import { useEffect, useRef } from 'preact/hooks'
import { api, problemOf } from '../api.ts'
import { useNow } from '../clock.ts'
import { span, capital } from '../format.ts'
import { Result } from '../kinds/results.tsx'
import { Actions } from '../parts/actions.tsx'
import { Attempts } from '../parts/attempts.tsx'
import { Blank, Skeleton, Trouble } from '../parts/blank.tsx'
import { Facts } from '../parts/facts.tsx'
import { Back } from '../parts/icons.tsx'
import { JsonCard } from '../parts/json.tsx'
import { LogView } from '../parts/log.tsx'
import { announce, say } from '../parts/notice.tsx'
import { Bar, StateMark } from '../parts/state.tsx'
import { Ago } from '../parts/time.tsx'
import { Why } from '../parts/why.tsx'
import { link } from '../link.ts'
import { useRecord } from '../record.ts'
import { useTitle } from '../use.ts'
import { final, type State, type Task } from '../wire.ts'
import { far, headline, ran, share } from '../words.ts'

/** The page of one task. */
export function TaskPage({ id }: { id: string }) {
  const { task, log, gone, problem, take, again } = useRecord(id)
  useTitle(task ? titleOf(task) : 'Task')
  useEnds(task)
  if (link.value && problem?.status === 401) {
    return (
      <Blank whole title="This link is over" actions={<a class="button" href={`/tasks/${encodeURIComponent(id)}`} target="_self">Sign in</a>}>
        Its time has passed, or whoever made it may no longer look here. Ask for a new one.
      </Blank>
    )
  }
  if (gone) {
    return (
      <Blank whole title="There is no such task" actions={<a class="button" href="/tasks">Go to tasks</a>}>
        It may have been deleted, or its time to be kept is over.
      </Blank>
    )
  }
  if (!task) {
    return problem ? <Trouble problem={problem} onRetry={again} /> : <div class="card"><Skeleton rows={4} /></div>
  }
  return (
    <article class="stack" aria-labelledby="headline">
      <div>
        {!link.value && <a class="back muted" href="/tasks"><Back />Tasks</a>}
        <div class="head">
          <div class="title">
            <h1 id="headline">{headline(task)}</h1>
            <StateMark state={task.state} pill />
            <Subtitle task={task} />
          </div>
          <Actions task={task} take={take} again={again} />
        </div>
        {problem && <p class="fault-line" role="alert">{problem.message}</p>}
      </div>
      <Why task={task} onRun={() => { api.retry(task.id).then(take, (err: unknown) => { say(problemOf(err).message); again() }) }} />
      {task.state === 'active' && <Progress task={task} />}
      <Result task={task} />
      <div class="two">
        <div class="stack">
          <Attempts task={task} />
          {log && <LogView task={task} log={log} />}
          {task.input !== undefined && <JsonCard title="Input" value={task.input} file={`${task.id}-input.json`} />}
        </div>
        <Facts task={task} />
      </div>
    </article>
  )
}

/** The line below the headline: what kind, how it came out, how long it ran. */
function Subtitle({ task }: { task: Task }) {
  const now = useNow(task.state === 'active')
  const ms = ran(task, now)
  return (
    <p class="subtitle muted">
      {task.subject && <span>{task.kind}</span>}
      {task.summary && <span class="strong">{task.summary}</span>}
      {ms !== undefined && (task.state === 'active' || final(task.state)) && <span>{task.state === 'active' ? `runs for ${span(Math.floor(ms / 1000) * 1000)}` : `ran ${span(ms)}`}</span>}
      <span>handed in <Ago time={task.created_at} /></span>
    </p>
  )
}

function Progress({ task }: { task: Task }) {
  const p = task.progress
  const part = share(p)
  return (
    <section class="card doing" aria-label="Progress">
      <p><b>{p?.message || 'Running'}</b><span class="muted">{[p ? far(p) : '', part === undefined ? '' : `${Math.floor(part * 100)} %`].filter(Boolean).join(' · ')}</span></p>
      <Bar progress={p} name="Progress" />
    </section>
  )
}

function titleOf(t: Task): string {
  const part = t.state === 'active' ? share(t.progress) : undefined
  const state = capital(t.state) + (part === undefined ? '' : ` ${Math.floor(part * 100)} %`)
  return `${state} · ${headline(t)}`
}

/** Reads out that the task has ended: once, and only when that happened while the page was open. */
function useEnds(task: Task | undefined): void {
  const before = useRef<State | undefined>(undefined)
  useEffect(() => {
    if (!task) return
    if (before.current && !final(before.current) && final(task.state)) {
      announce(`${headline(task)}: ${task.state}. ${task.summary || task.error?.message || ''}`)
    }
    before.current = task.state
  }, [task?.state])
}
