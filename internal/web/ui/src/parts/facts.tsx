import { useBox } from '../box.ts'
import { toAddress, fromQuery } from '../filter.ts'
import { count, friendly, full, at } from '../format.ts'
import { may } from '../me.ts'
import { zone } from '../settings.ts'
import { session } from '../use.ts'
import { shortId } from '../words.ts'
import { final, type Task } from '../wire.ts'
import { CopyButton } from './copy.tsx'
import { Ago } from './time.tsx'

/** What is worth knowing about a task beside what happened to it. */
export function Facts({ task }: { task: Task }) {
  const z = useBox(zone)
  const list = (part: object, words: string, look = 'link') => (may('tasks.list')
    ? <a key={words} class={look} href={toAddress({ ...fromQuery(new URLSearchParams()), ...part })} title={words}>{words}</a>
    : <span key={words} class={look === 'link' ? '' : look}>{words}</span>)
  const worker = task.state === 'active' ? task.attempts.at(-1)?.worker : undefined
  const deadline = task.policy.deadline && !final(task.state)
  return (
    <aside class="card" aria-label="Facts">
      <dl class="facts">
        <dt>Id</dt>
        <dd class="mono id"><span title={task.id}>{shortId(task.id)}</span><CopyButton quiet label="Copy the id" text={() => task.id} /></dd>
        <dt>Kind</dt><dd>{list({ kinds: [task.kind] }, task.kind)}</dd>
        <dt>Queue</dt><dd>{list({ queues: [task.queue] }, task.queue)}</dd>
        <dt>Handed in</dt><dd><Ago time={task.created_at} /></dd>
        {task.submitted_by && <><dt>By</dt><dd class="mono">{task.submitted_by === session.value?.me?.id ? 'you' : task.submitted_by}</dd></>}
        {task.started_at && <><dt>Started</dt><dd><Ago time={task.started_at} /></dd></>}
        {task.finished_at && <><dt>Ended</dt><dd><Ago time={task.finished_at} /></dd></>}
        {task.expires_at && !task.started_at && <><dt>Start deadline</dt><dd title={full(at(task.expires_at), z)}><Ago time={task.expires_at} /></dd></>}
        {task.trace_id && <><dt>Trace</dt><dd class="mono id"><span class="cut" title={task.trace_id}>{task.trace_id}</span><CopyButton quiet label="Copy the trace's id" text={() => task.trace_id!} /></dd></>}
        {task.logs_url && <><dt>Program's log</dt><dd><a class="link" href={task.logs_url} target="_blank" rel="noreferrer">In CloudWatch</a></dd></>}
        {worker && <><dt>Worker</dt><dd class="mono">{worker}</dd></>}
        {task.tags.length > 0 && (
          <><dt>Tags</dt><dd class="tags">{task.tags.map((t) => list({ tags: [t] }, t, 'tag'))}</dd></>
        )}
        {task.unique && <><dt>Unique key</dt><dd>{task.unique}</dd></>}
        <dt>Attempts</dt><dd>at most {count(task.max_attempts)}</dd>
        {task.policy.timeout && <><dt>Each may take</dt><dd>{friendly(task.policy.timeout)}</dd></>}
        {deadline && <><dt>Gives up after</dt><dd>{friendly(task.policy.deadline!)}</dd></>}
      </dl>
    </aside>
  )
}
