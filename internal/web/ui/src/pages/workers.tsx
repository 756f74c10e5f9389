import { useEffect } from 'preact/hooks'
import { api } from '../api.ts'
import { count } from '../format.ts'
import { useStream } from '../live.ts'
import { Blank, Skeleton, Trouble } from '../parts/blank.tsx'
import { Age, Ago } from '../parts/time.tsx'
import { useLoad, useTitle } from '../use.ts'
import type { Worker } from '../wire.ts'

// Workers come and go without an event, so this page asks; a worker that is
// silent for ten seconds leaves the list.
const every = 5000

/** Every worker process: which queues it serves, how busy it is. */
export function WorkersPage() {
  useTitle('Workers')
  const { data, problem, again } = useLoad('workers', (signal) => api.workers(signal))
  useStream('/api/v1/events', undefined, { counts: again })
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) again() }, every)
    return () => clearInterval(timer)
  }, [again])
  return (
    <>
      <div class="head"><h1>Workers</h1></div>
      {!data && problem && <Trouble problem={problem} onRetry={again} />}
      {!data && !problem && <div class="card"><Skeleton rows={3} /></div>}
      {data && data.items.length === 0 && (
        <Blank title="No worker is running">Tasks wait until one starts. Start this program with <code>-role worker</code>, or with all roles.</Blank>
      )}
      {data && data.items.length > 0 && (
        <div class="card scroll">
          <table class="table">
            <thead>
              <tr><th scope="col">Worker</th><th scope="col">Queues, with their weights</th><th scope="col">Runs</th><th scope="col" class="right">Version</th><th scope="col" class="right">Up for</th><th scope="col" class="right">Last seen</th></tr>
            </thead>
            <tbody>{data.items.map((w) => <WorkerRow key={w.id} worker={w} />)}</tbody>
          </table>
        </div>
      )}
    </>
  )
}

function WorkerRow({ worker: w }: { worker: Worker }) {
  const queues = Object.entries(w.queues).sort((a, b) => b[1] - a[1])
  return (
    <tr>
      <th scope="row"><span class="who"><span class="cut" title={w.host}>{w.host}</span><span class="muted mono" title={`Process ${w.pid}`}>{w.pid}</span></span></th>
      <td data-label="Queues"><span class="queues">{queues.map(([name, weight]) => <span key={name}>{name} <span class="muted">{count(weight)}</span></span>)}</span></td>
      <td data-label="Runs">
        <span class="busy">
          <span>{count(w.active)} of {count(w.concurrency)}{w.overrunning > 0 && <span class="muted" title="They were told to end, and their code goes on."> · {count(w.overrunning)} overrunning</span>}</span>
          <span class="progress" aria-hidden="true">{w.active > 0 && <i style={{ width: `${Math.min(100, (100 * w.active) / Math.max(1, w.concurrency))}%` }} />}</span>
        </span>
      </td>
      <td class="right cut" data-label="Version" title={w.version}>{w.version}</td>
      <td class="right" data-label="Up for"><Age time={w.started_at} /></td>
      <td class="right" data-label="Last seen"><Ago time={w.seen_at} /></td>
    </tr>
  )
}
