import { useState } from 'preact/hooks'
import { useNow } from '../clock.ts'
import { useBox } from '../box.ts'
import { age, clock, count, fine, full, span } from '../format.ts'
import { zone } from '../settings.ts'
import { outcomeState, outcomeWords, scale, type Lane, type Scale } from '../timeline.ts'
import { final, type Task } from '../wire.ts'

const shownAtFirst = 8

/** Every try as a bar on one scale: waits dashed, runs solid. */
export function Attempts({ task }: { task: Task }) {
  const now = useNow(!final(task.state))
  const z = useBox(zone)
  const [all, showAll] = useState(false)
  const s = scale(task, now)
  if (s.lanes.length === 0) return null
  const end = s.to - s.from < 10_000 ? fine : clock
  const hidden = all ? 0 : Math.max(0, s.lanes.length - shownAtFirst)
  return (
    <section class="card" aria-labelledby="attempts">
      <header>
        <h2 id="attempts">Attempts</h2>
        <span class="muted push">{task.attempts_used === 0 ? `at most ${count(task.max_attempts)}` : `${count(task.attempts_used)} of ${count(task.max_attempts)} used`}</span>
      </header>
      {hidden > 0 && <button class="older" onClick={() => showAll(true)}>Show {count(hidden)} earlier</button>}
      <ol class="attempts">{s.lanes.slice(hidden).map((l) => <AttemptRow key={l.number} lane={l} scale={s} now={now} task={task} />)}</ol>
      <div class="axis muted" aria-hidden="true">
        <span>{end(s.from, z)}</span><span>{span(s.to - s.from)}</span><span>{end(s.to, z)}</span>
      </div>
    </section>
  )
}

function AttemptRow({ lane, scale: s, now, task }: { lane: Lane; scale: Scale; now: number; task: Task }) {
  const z = useBox(zone)
  const a = lane.attempt
  const state = a ? outcomeState(a.outcome) : task.state
  const share = (ms: number) => `${(100 * ms) / (s.to - s.from)}%`
  const wait = lane.start - lane.waitFrom
  const told = a
    ? `Started ${full(lane.start, z)}${a.finished_at ? `, ended ${full(lane.end!, z)}` : ''}`
    : task.state === 'pending' ? 'Not started yet' : `Starts ${full(lane.start, z)}`
  const time = a ? span(lane.end! - lane.start) : task.state === 'pending' ? 'waits' : lane.start > now ? `in ${age(lane.start - now)}` : 'now'
  const outcome = a ? (a.outcome ? outcomeWords[a.outcome] : 'Running') : 'Next'
  return (
    <li class={`attempt ${state}`}>
      <span class="attempt-name"><b>{count(lane.number)}</b> {outcome}</span>
      <div class="lane" title={told} role="img" aria-label={`${told}; waited ${span(wait)}${a ? `, ran ${time}` : ''}`}>
        {wait > 0 && <i class="wait" style={{ left: share(lane.waitFrom - s.from), width: share(wait) }} />}
        {a && <i style={{ left: `min(${share(lane.start - s.from)}, 100% - 3px)`, width: share(lane.end! - lane.start) }} />}
      </div>
      <span class="num">{time}</span>
      {(a?.error || a?.worker) && (
        <p>{a.error ? <span class="said">{a.error.message}</span> : null}<span class="worker mono" title="Worker">{a.worker}</span></p>
      )}
    </li>
  )
}
