import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { api } from '../api.ts'
import { bytes, count, plural, span } from '../format.ts'
import { Blank, Skeleton, Trouble } from '../parts/blank.tsx'
import { Attention, StateIcon } from '../parts/icons.tsx'
import { Age, Ago } from '../parts/time.tsx'
import { useLoad, useTitle } from '../use.ts'
import type { Finding, Process, System } from '../wire.ts'

// Processes give a sign of life every five seconds.
const every = 5000

/** Whether all is well, and where not: the store, every process, and the way of its log lines. */
export function SystemPage() {
  useTitle('System')
  const { data, problem, again } = useLoad('system', (signal) => api.system(signal))
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) again() }, every)
    return () => clearInterval(timer)
  }, [again])
  return (
    <>
      <div class="head"><h1>System</h1></div>
      {!data && problem && <Trouble problem={problem} onRetry={again} />}
      {!data && !problem && <div class="card"><Skeleton rows={3} /></div>}
      {data && (
        <div class="stack">
          <State system={data} />
          <Store system={data} />
          <Processes system={data} />
          <Shipping processes={data.processes} />
        </div>
      )}
    </>
  )
}

/** The loudest lines: what somebody should look at, or that there is nothing. */
function State({ system: s }: { system: System }) {
  if (s.well) {
    return <div class="why succeeded"><StateIcon state="succeeded" /><p><b>All is well.</b> {plural(s.processes.length, 'process', 'processes')}, and nothing that somebody should look at.</p></div>
  }
  return (
    <ul class="stack" aria-label="What somebody should look at">
      {s.findings.map((f) => <li key={f.message} class="why retrying"><Attention /><p><b>{wheres[f.where]}</b> {f.message}</p></li>)}
    </ul>
  )
}

const wheres: Record<Finding['where'], string> = {
  redis: 'Redis.', scheduler: 'Scheduler.', queue: 'Queue.', worker: 'Worker.', logs: 'CloudWatch.', tokens: 'Tokens.',
}

function Store({ system: { redis: r } }: { system: System }) {
  return (
    <section class="card" aria-labelledby="redis">
      <header><h2 id="redis">Redis</h2>{r.version && <span class="muted push">{r.version}</span>}</header>
      {!r.reachable ? <p class="note">Nothing is known of it while it does not answer.</p> : (
        <dl class="numbers">
          <Figure name="Answers in">{r.latency_seconds < .001 ? `${(1000 * r.latency_seconds).toFixed(2)} ms` : span(1000 * r.latency_seconds)}</Figure>
          {r.embedded
            ? <Figure name="Where">in this process's memory</Figure>
            : <>
                <Figure name="Memory">{bytes(r.used_bytes)}{r.max_bytes > 0 ? ` of ${bytes(r.max_bytes)}` : ', no bound'}</Figure>
                {r.memory_share !== null && <Figure name="Full">{share(r.memory_share)}</Figure>}
                <Figure name="When full">{r.eviction === 'noeviction' ? 'refuses new tasks' : r.eviction}</Figure>
                <Figure name="Servers">{plural(r.masters, 'master')}, {r.replicas === 0 ? 'no replica' : `${plural(r.replicas, 'replica')}${r.masters > 1 ? ' each' : ''}`}</Figure>
              </>}
        </dl>
      )}
    </section>
  )
}

/** A share in per cent; a small one is not nothing. */
const share = (part: number) => (part > 0 && part < .01 ? 'under 1 %' : `${Math.round(100 * part)} %`)

function Figure({ name, children }: { name: string; children: ComponentChildren }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>
}

function Processes({ system: s }: { system: System }) {
  return (
    <section class="card" aria-labelledby="processes">
      <header><h2 id="processes">Processes</h2></header>
      <div class="scroll">
        <table class="table">
          <thead>
            <tr><th scope="col">Process</th><th scope="col">Roles</th><th scope="col">Version</th><th scope="col" class="right">Up for</th><th scope="col" class="right">Last seen</th></tr>
          </thead>
          <tbody>
            {s.processes.map((p) => (
              <tr key={p.id}>
                <Who process={p} />
                <td class="wide" data-label="Roles"><span>{p.roles.join(', ')}{p.id === s.leader && <span class="muted" title="Of all schedulers it is the one that works."> · leads</span>}{p.id === s.process && <span class="muted" title="It answered this page."> · answers here</span>}</span></td>
                <td class="cut wide" data-label="Version" title={p.version}>{p.version}</td>
                <td class="right" data-label="Up for"><Age time={p.started_at} /></td>
                <td class="right" data-label="Last seen"><Ago time={p.seen_at} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Who({ process: p }: { process: Process }) {
  return <th scope="row"><span class="who"><span class="cut" title={p.host}>{p.host}</span><span class="muted mono" title={`Process ${p.pid}`}>{p.pid}</span></span></th>
}

/** How each process fares with its log lines and metrics. */
function Shipping({ processes }: { processes: Process[] }) {
  const shipping = processes.flatMap((process) => [
    { process, what: 'log lines', how: process.logs }, { process, what: 'metrics', how: process.metrics },
  ]).filter((s) => s.how)
  return (
    <section class="card" aria-labelledby="shipping">
      <header><h2 id="shipping">Log lines and metrics to CloudWatch</h2></header>
      {shipping.length === 0 && <Blank title="No process ships its log lines">They go to standard error only. Start with <code>-log-group</code> to have them in CloudWatch, too.</Blank>}
      {shipping.length > 0 && (
        <div class="scroll">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Process</th><th scope="col">What</th><th scope="col" class="right">Waiting</th><th scope="col" class="right">Oldest waits</th><th scope="col" class="right">On disk</th>
                <th scope="col" class="right">Shipped</th><th scope="col" class="right">Lost</th><th scope="col" class="right">Last taken</th><th scope="col">Last trouble</th>
              </tr>
            </thead>
            <tbody>{shipping.map((s) => <ShippingRow key={s.process.id + s.what} process={s.process} what={s.what} how={s.how!} />)}</tbody>
          </table>
        </div>
      )}
    </section>
  )
}

function ShippingRow({ process, what, how: l }: { process: Process; what: string; how: NonNullable<Process['logs']> }) {
  const lost = l.dropped_lines + l.rejected_lines + l.damaged_lines
  return (
    <tr>
      <Who process={process} />
      <td class="wide" data-label="What"><span>{what}</span></td>
      <td class="right" data-label="Waiting">{count(l.queued_lines)}</td>
      <td class={l.oldest_unshipped_at ? 'right' : 'right zero'} data-label="Oldest waits">{l.oldest_unshipped_at ? <Age time={l.oldest_unshipped_at} /> : <span class="faint">none</span>}</td>
      <td class="right" data-label="On disk">{l.disk_failing ? <span class="alarm">fails</span> : bytes(l.spooled_bytes)}</td>
      <td class="right" data-label="Shipped" title={`${l.group}, ${l.stream}`}>{count(l.shipped_lines)}</td>
      <td class={lost > 0 ? 'right alarm' : 'right'} data-label="Lost" title={`Dropped ${count(l.dropped_lines)}, rejected ${count(l.rejected_lines)}, damaged ${count(l.damaged_lines)}`}>{count(lost)}</td>
      <td class="right wide" data-label="Last taken">{l.last_success_at ? <Ago time={l.last_success_at} /> : <span class="faint">never</span>}</td>
      <td class={l.last_error ? 'trouble wide' : 'trouble zero'} data-label="Last trouble">{l.last_error ? <span>{l.last_error} {l.last_error_at && <span class="muted"><Ago time={l.last_error_at} /></span>}</span> : <span class="faint">none</span>}</td>
    </tr>
  )
}
