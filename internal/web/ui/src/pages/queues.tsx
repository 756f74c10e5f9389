import { useRef } from 'preact/hooks'
import { api } from '../api.ts'
import { toAddress, fromQuery } from '../filter.ts'
import { capital, count } from '../format.ts'
import { useStream } from '../live.ts'
import { may } from '../me.ts'
import { Blank, Skeleton, Trouble } from '../parts/blank.tsx'
import { StateIcon } from '../parts/icons.tsx'
import { Age } from '../parts/time.tsx'
import { useLoad, useTitle } from '../use.ts'
import { states, type Queue, type State } from '../wire.ts'

const settle = 2000

/** Asks again after something changed, but not more often than every two seconds. */
function useSettled(again: () => void): () => void {
  const waiting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  return () => {
    waiting.current ??= setTimeout(() => { waiting.current = undefined; again() }, settle)
  }
}

/** Every queue: what waits, what runs, who serves it. */
export function QueuesPage() {
  useTitle('Queues')
  const { data, problem, again } = useLoad('queues', (signal) => api.queues(signal))
  const soon = useSettled(again)
  useStream('/api/v1/events', undefined, { counts: soon, reset: again }, again)
  return (
    <>
      <div class="head"><h1>Queues</h1></div>
      {!data && problem && <Trouble problem={problem} onRetry={again} />}
      {!data && !problem && <div class="card"><Skeleton rows={3} /></div>}
      {data && data.items.length === 0 && <Blank title="There is no queue yet" actions={may('tasks.submit') && <a class="button main" href="/new">New task</a>}>A queue appears with its first task, or with a worker that serves it.</Blank>}
      {data && data.items.length > 0 && (
        <div class="card scroll">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Queue</th>
                {states.map((s) => <th scope="col" key={s} class={`right state-head ${s}`}><StateIcon state={s} /><span>{capital(s)}</span></th>)}
                <th scope="col" class="right">Oldest waits</th>
                <th scope="col" class="right">Workers</th>
              </tr>
            </thead>
            <tbody>{data.items.map((q) => <QueueRow key={q.name} queue={q} />)}</tbody>
          </table>
        </div>
      )}
    </>
  )
}

function QueueRow({ queue: q }: { queue: Queue }) {
  const blank = fromQuery(new URLSearchParams())
  const to = (s: State[]) => toAddress({ ...blank, queues: [q.name], states: s })
  const stuck = q.workers === 0 && (q.counts.pending ?? 0) > 0
  return (
    <tr>
      <th scope="row"><a data-row href={to([])} class="cut" title={q.name}>{q.name}</a></th>
      {states.map((s) => {
        const n = q.counts[s] ?? 0
        return <td key={s} class={`right ${n > 0 ? s : 'zero'}`} data-label={capital(s)}>{n > 0 ? <a class="link" href={to([s])} aria-label={`${count(n)} ${s} in ${q.name}`}>{count(n)}</a> : <span class="faint">0</span>}</td>
      })}
      <td class={q.oldest_pending_at ? 'right' : 'right zero'} data-label="Oldest waits">{q.oldest_pending_at ? <Age time={q.oldest_pending_at} /> : <span class="faint">none</span>}</td>
      <td class={stuck ? 'right alarm' : 'right'} data-label="Workers">{stuck ? 'none serves it' : count(q.workers)}</td>
    </tr>
  )
}
