import { useEffect, useState } from 'preact/hooks'
import { api, problemOf } from '../api.ts'
import type { Task, TaskLink } from '../wire.ts'
import { Dialog } from './dialog.tsx'
import { Choice } from './menu.tsx'
import { Secret } from './newtoken.tsx'
import { Until } from './time.tsx'

type Life = '1h' | '24h' | '168h'

/** Makes a link that shows one task to people who cannot sign in. */
export function Share({ task, onClose }: { task: Task; onClose: () => void }) {
  const [life, setLife] = useState<Life>('24h')
  const [made, setMade] = useState<TaskLink>()
  const [fault, setFault] = useState('')
  useEffect(() => {
    let late = false
    setFault('')
    api.share(task.id, life).then(
      (l) => { if (!late) setMade(l) },
      (err: unknown) => { if (!late) setFault(problemOf(err).message) },
    )
    return () => { late = true }
  }, [life])
  return (
    <Dialog title="Share this task" onClose={onClose} wide>
      <p class="muted">Whoever has the link sees this one task with its input, result and log, and can change nothing.</p>
      <div class="field"><span class="label">It works for</span><Choice<Life> name="It works for" value={life} options={[['1h', '1 hour'], ['24h', '1 day'], ['168h', '7 days']]} onChange={setLife} /></div>
      <Secret label="Link" text={made ? location.origin + made.url : ''} />
      <p class="help" role="status">{fault ? <span class="fault-line">{fault}</span> : made ? <>It ends <Until time={made.expires_at} />.</> : 'Making it…'}</p>
      <div class="actions end"><button class="button" onClick={onClose}>Done</button></div>
    </Dialog>
  )
}
