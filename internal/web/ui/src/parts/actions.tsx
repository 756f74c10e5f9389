import { useState } from 'preact/hooks'
import { api, problemOf } from '../api.ts'
import { curl } from '../curl.ts'
import { stringify, type Json } from '../json.ts'
import { forget } from '../kept.ts'
import { may, mayCancel } from '../me.ts'
import { go } from '../router.ts'
import { session } from '../use.ts'
import { final, type Task } from '../wire.ts'
import { CopyButton } from './copy.tsx'
import { Ask } from './dialog.tsx'
import { Bin } from './icons.tsx'
import { say } from './notice.tsx'
import { Share } from './share.tsx'

interface Props { task: Task; take: (t: Task) => void; again: () => void }

/** What can be done with a task in its state. */
export function Actions({ task, take, again }: Props) {
  const [busy, setBusy] = useState(false)
  const [asking, ask] = useState(false)
  const [sharing, share] = useState(false)
  const run = async (what: () => Promise<void>) => {
    setBusy(true)
    try {
      await what()
    } catch (err) {
      say(problemOf(err).message)
      again()
    }
    setBusy(false)
  }
  const cancel = () => run(async () => take(await api.cancel(task.id)))
  const retry = () => run(async () => take(await api.retry(task.id)))
  const remove = () => run(async () => {
    await api.remove(task.id)
    forget(task.id)
    ask(false)
    say('The task was deleted.')
    go('/tasks', true)
  })
  const done = final(task.state)
  const from = `/new?from=${encodeURIComponent(task.id)}`
  const mayRetry = done && task.state !== 'succeeded' && may('tasks.retry')
  const mayHurry = may('tasks.retry') && (task.state === 'scheduled' || task.state === 'retrying')
  return (
    <div class="push actions">
      {may('tasks.submit') && <CopyButton label="Copy as curl" text={() => curl(location.origin, submission(task), session.value?.required ?? false)} />}
      {may('tasks.share') && session.value?.required && <button class="button" onClick={() => share(true)}>Share</button>}
      {done && may('tasks.delete') && <button class="button icon-only" aria-label="Delete" title="Delete" disabled={busy} onClick={() => ask(true)}><Bin /></button>}
      {!done && mayCancel(task) && <button class="button" disabled={busy || task.cancel_requested} onClick={cancel}>Cancel</button>}
      {done && may('tasks.submit') && <a class={mayRetry ? 'button' : 'button main'} href={from}>Run again</a>}
      {mayHurry && <button class="button main" disabled={busy} onClick={retry} title="Ends the wait: it starts as soon as a worker is free">Run now</button>}
      {mayRetry && <button class="button main" disabled={busy} onClick={retry} title="Tries the same task once more; its history stays">Retry</button>}
      {sharing && <Share task={task} onClose={() => share(false)} />}
      {asking && (
        <Ask title="Delete this task?" verb="Delete for good" busy={busy} onYes={remove} onNo={() => ask(false)}
          text={`${task.subject || task.kind}: its input, result, attempts and log are removed. This cannot be undone.`} />
      )}
    </div>
  )
}

/** The request that would hand this task in again. Its input comes without its secrets. */
function submission(task: Task): string {
  const body: Record<string, Json> = { kind: task.kind, input: task.input ?? null, queue: task.queue }
  if (task.tags.length) body.tags = task.tags
  if (task.unique) body.unique = task.unique
  return stringify(body)
}
