import { useNow } from '../clock.ts'
import { useBox } from '../box.ts'
import { count, span } from '../format.ts'
import { zone } from '../settings.ts'
import { ran, where } from '../words.ts'
import type { Task } from '../wire.ts'
import { Bar, StateMark } from './state.tsx'
import { Age } from './time.tsx'

/** What stands in a row beside the sentence: how far, which attempt, or how long it ran. */
function Aside({ task, now }: { task: Task; now: number }) {
  if (task.state === 'active') return <Bar progress={task.progress} name={`Progress of ${task.subject || task.kind}`} />
  if (task.state === 'retrying') return <span class="muted">{count(task.attempts_used)} of {count(task.max_attempts)} used</span>
  const ms = task.state === 'succeeded' || task.state === 'failed' ? ran(task, now) : undefined
  return <span class="muted" title={ms === undefined ? undefined : 'How long its last attempt took'}>{ms === undefined ? '' : span(ms)}</span>
}

/** A task in the list: its state, what it is, where it is, how old it is. */
export function TaskRow({ task, gone }: { task: Task; gone: boolean }) {
  const z = useBox(zone)
  const now = useNow(task.state === 'scheduled' || task.state === 'retrying')
  const place = gone ? 'deleted' : where(task, now, z)
  return (
    <li>
      <a class={gone ? 'row gone' : 'row'} data-row href={`/tasks/${encodeURIComponent(task.id)}`}>
        <StateMark state={task.state} />
        <span class="what">
          <b>{task.kind}</b>
          <span class="line-two">
            {task.subject && <span class="subject">{task.subject}</span>}
            {place && <span class={task.state === 'failed' || task.state === 'retrying' ? 'place strong' : 'place'}>{place}</span>}
          </span>
        </span>
        <span class="aside"><Aside task={task} now={now} /></span>
        <span class="queue cut" title={`Queue ${task.queue}`}>{task.queue}</span>
        <span class="num"><Age time={task.created_at} /></span>
      </a>
    </li>
  )
}
