// One task as its page keeps it: the record, which live events renew, and its log.

import { useEffect, useRef, useState } from 'preact/hooks'
import { api, problemOf, type Problem } from './api.ts'
import { useStream } from './live.ts'
import type { Attempt, LogLine, Task } from './wire.ts'
import { final } from './wire.ts'

// What the server keeps of a log at most; the page need not keep more.
const linesMost = 1000

/** The newer of two states of one task. Events leave out input and result and may leave out earlier attempts. */
export function merge(old: Task | undefined, t: Task): Task {
  if (!old) return t
  if (t.version < old.version) return old
  return { ...t, input: t.input ?? old.input, result: t.result ?? (t.state === 'succeeded' ? old.result : undefined), attempts: mergeAttempts(old.attempts, t.attempts) }
}

function mergeAttempts(old: Attempt[], now: Attempt[]): Attempt[] {
  const by = new Map(old.map((a) => [a.number, a]))
  for (const a of now) by.set(a.number, a)
  return [...by.values()].sort((a, b) => a.number - b.number)
}

/** The log with a line that came in. Lines come once more after a reconnect; the order is theirs, not the network's. */
export function addLine(log: LogLine[], l: LogLine): LogLine[] {
  const last = log.at(-1)
  return last && l.seq <= last.seq ? log : [...log, l].slice(-linesMost)
}

export interface Record {
  task: Task | undefined
  log: LogLine[] | undefined
  /** Whether it was deleted, or never was. */
  gone: boolean
  problem: Problem | undefined
  /** Takes a newer state that an action gave back. */
  take: (t: Task) => void
  again: () => void
}

/** The task and its log, kept up to date by its events until it is final. */
export function useRecord(id: string): Record {
  const [task, setTask] = useState<Task>()
  const [log, setLog] = useState<LogLine[]>()
  const [problem, setProblem] = useState<Problem>()
  const [from, setFrom] = useState<string>()
  const running = useRef<AbortController | undefined>(undefined)

  const again = () => {
    running.current?.abort()
    const { signal } = running.current = new AbortController()
    Promise.all([api.task(id, signal), api.logs(id, 0, signal)]).then(
      ([t, l]) => {
        setTask((old) => merge(old, t))
        setLog(l.items)
        setProblem(undefined)
        // A zero version asks for a first snapshot, so that nothing between here and the stream is missed.
        setFrom(`0.${l.items.at(-1)?.seq ?? 0}`)
      },
      (err: unknown) => { if (!signal.aborted) setProblem(problemOf(err)) },
    )
  }
  useEffect(() => {
    again()
    return () => running.current?.abort()
  }, [id])

  const open = task !== undefined && log !== undefined && !final(task.state)
  const renew = (data: string) => setTask((old) => merge(old, JSON.parse(data) as Task))
  useStream(open ? `/api/v1/tasks/${encodeURIComponent(id)}/events` : undefined, from, {
    task: renew,
    log: (data) => setLog((old) => addLine(old ?? [], JSON.parse(data) as LogLine)),
    end: renew,
  }, again)
  // Events leave the result out: once the task has ended, ask for the whole.
  const before = useRef(task)
  useEffect(() => {
    if (task && before.current && final(task.state) && !final(before.current.state)) again()
    before.current = task
  }, [task])
  return { task, log, gone: problem?.status === 404, problem, take: (t) => setTask((old) => merge(old, t)), again }
}
