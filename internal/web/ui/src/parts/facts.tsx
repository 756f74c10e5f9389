import { useBox } from '../box.ts'
import { toAddress, fromQuery } from '../filter.ts'
import { count, friendly, full, at } from '../format.ts'
import { zone } from '../settings.ts'
import { shortId } from '../words.ts'
import { final, type Task } from '../wire.ts'
import { CopyButton } from './copy.tsx'
import { Ago } from './time.tsx'

/** What is worth knowing about a task beside what happened to it. */
export function Facts({ task }: { task: Task }) {
  const z = useBox(zone)
  const list = (part: object) => toAddress({ ...fromQuery(new URLSearchParams()), ...part })
  const worker = task.state === 'active' ? task.attempts.at(-1)?.worker : undefined
  const deadline = task.policy.deadline && !final(task.state)
  return (
    <aside class="card" aria-label="Facts">
      <dl class="facts">
        <dt>Id</dt>
        <dd class="mono id"><span title={task.id}>{shortId(task.id)}</span><CopyButton quiet label="Copy the id" text={() => task.id} /></dd>
        <dt>Kind</dt><dd><a class="link" href={list({ kinds: [task.kind] })}>{task.kind}</a></dd>
        <dt>Queue</dt><dd><a class="link" href={list({ queues: [task.queue] })}>{task.queue}</a></dd>
        <dt>Handed in</dt><dd><Ago time={task.created_at} /></dd>
        {task.started_at && <><dt>Started</dt><dd><Ago time={task.started_at} /></dd></>}
        {task.finished_at && <><dt>Ended</dt><dd><Ago time={task.finished_at} /></dd></>}
        {task.expires_at && !task.started_at && <><dt>Start deadline</dt><dd title={full(at(task.expires_at), z)}><Ago time={task.expires_at} /></dd></>}
        {task.trace_id && <><dt>Trace</dt><dd class="mono id"><span class="cut" title={task.trace_id}>{task.trace_id}</span><CopyButton quiet label="Copy the trace's id" text={() => task.trace_id!} /></dd></>}
        {task.logs_url && <><dt>Program's log</dt><dd><a class="link" href={task.logs_url} target="_blank" rel="noreferrer">In CloudWatch</a></dd></>}
        {worker && <><dt>Worker</dt><dd class="mono">{worker}</dd></>}
        {task.tags.length > 0 && (
          <><dt>Tags</dt><dd class="tags">{task.tags.map((t) => <a key={t} class="tag" href={list({ tags: [t] })} title={t}>{t}</a>)}</dd></>
        )}
        {task.unique && <><dt>Unique key</dt><dd>{task.unique}</dd></>}
        <dt>Attempts</dt><dd>at most {count(task.max_attempts)}</dd>
        {task.policy.timeout && <><dt>Each may take</dt><dd>{friendly(task.policy.timeout)}</dd></>}
        {deadline && <><dt>Gives up after</dt><dd>{friendly(task.policy.deadline!)}</dd></>}
      </dl>
    </aside>
  )
}
