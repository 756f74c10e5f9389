import { useLayoutEffect, useRef } from 'preact/hooks'
import { useBox } from '../box.ts'
import { at, count, fine, full, plural } from '../format.ts'
import { zone } from '../settings.ts'
import { final, type LogLine, type Task } from '../wire.ts'
import { CopyButton } from './copy.tsx'

/** The lines that the attempts wrote. It follows the newest line unless the reader has scrolled away from it. */
export function LogView({ task, log }: { task: Task; log: LogLine[] }) {
  const z = useBox(zone)
  const box = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  useLayoutEffect(() => {
    const b = box.current
    if (b && follows.current && !final(task.state)) b.scrollTop = b.scrollHeight
  }, [log.length])
  const onScroll = () => {
    const b = box.current!
    follows.current = b.scrollHeight - b.scrollTop - b.clientHeight < 24
  }
  // Lines count from 1.
  const dropped = (log[0]?.seq ?? 1) - 1
  const several = new Set(log.map((l) => l.attempt)).size > 1
  const text = () => log.map((l) => `${l.at} ${l.level} ${several ? `[${l.attempt}] ` : ''}${l.message}`).join('\n')
  return (
    <section class="card" aria-labelledby="log">
      <header>
        <h2 id="log">Log</h2>
        <span class="muted push">{log.length > 0 && plural(log.length, 'line')}</span>
        {log.length > 0 && <CopyButton quiet label="Copy the log" text={text} />}
      </header>
      {dropped > 0 && <p class="note muted">{plural(dropped, 'older line')} no longer kept.</p>}
      {log.length === 0
        ? <p class="note muted">{quiet(task)}</p>
        : (
          <div class={task.state === 'active' ? 'log mono steady' : 'log mono'} ref={box} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-labelledby="log">
            {log.map((l) => (
              <div key={l.seq} class={`log-line ${l.level}`}>
                <time dateTime={l.at} title={full(at(l.at), z)}>{fine(at(l.at), z)}</time>
                {several && <span class="log-attempt" title={`Attempt ${l.attempt}`}>{count(l.attempt)}</span>}
                {l.level !== 'info' && <span class="level">{l.level}</span>}
                <span class="log-text">{l.message}</span>
              </div>
            ))}
          </div>
        )}
    </section>
  )
}

function quiet(task: Task): string {
  if (task.attempts.length === 0 && !final(task.state)) return 'Nothing yet. Lines appear here as soon as it runs.'
  if (task.state === 'active') return 'Nothing so far.'
  return 'It wrote no lines.'
}
