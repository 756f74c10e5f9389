import type { ComponentChildren } from 'preact'
import { useNow } from '../clock.ts'
import { useBox } from '../box.ts'
import { at, coarse, moment, plural } from '../format.ts'
import { may } from '../me.ts'
import { zone } from '../settings.ts'
import type { Task } from '../wire.ts'
import { StateIcon } from './icons.tsx'

/** The loudest line of a task that does not run: why, until when, and what would change it. */
export function Why({ task, onRun }: { task: Task; onRun: () => void }) {
  const z = useBox(zone)
  const now = useNow()
  const w = task.waiting
  const line = (head: string, rest: string, action?: ComponentChildren) => (
    <div class={`why ${task.state}`}>
      <StateIcon state={task.state} />
      <p><b>{head}</b> {rest} {action}</p>
    </div>
  )
  const left = (until: string) => {
    const seconds = (at(until) - now) / 1000
    if (seconds <= 0.5) return 'Starts any moment.'
    return `Waits ${coarse(seconds)} more, until ${moment(at(until), now, z)}.`
  }
  const busy = `/tasks?state=active&queue=${encodeURIComponent(task.queue)}`
  const run = may('tasks.retry') && <button class="link" onClick={onRun}>Run it now</button>
  switch (task.state) {
    case 'scheduled':
      return line(left(w?.until ?? task.run_at), w?.message ?? '', run)
    case 'retrying':
      return line(left(w?.until ?? task.run_at), task.error?.message ?? w?.message ?? '', run)
    case 'pending':
      if (w?.reason === 'no_worker') return line('Waits for a worker.', w.message, may('system.read') && <a class="link" href="/workers">See the workers</a>)
      if (w?.reason === 'worker_busy') return line('Waits for a free worker.', w.message, may('tasks.list') && <a class="link" href={busy}>See what runs</a>)
      return line('Waits for a worker.', w?.message ?? 'It starts as soon as one is free.')
    case 'active':
      if (task.overrunning) {
        return line('Overrunning.', `${task.cancel_requested ? 'It was told to stop' : 'Its time is over'}, but its code goes on. Its place at the worker stays taken until the code returns; restarting the worker ends it.`)
      }
      return task.cancel_requested ? line('Asked to stop.', 'It ends as soon as its worker hears of it.') : null
    case 'failed':
      return line('Failed.', task.error?.message ?? `${plural(task.attempts_used, 'attempt')} failed.`)
    case 'canceled':
      return line('Called off.', task.attempts.length ? 'It was stopped before it was done.' : 'It never started.')
    case 'expired':
      return line('Expired.', `It had not started by its deadline${task.expires_at ? `, ${moment(at(task.expires_at), now, z)}` : ''}.`)
    default:
      return null
  }
}
