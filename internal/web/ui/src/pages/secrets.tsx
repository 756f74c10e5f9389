import { useState } from 'preact/hooks'
import { api, problemOf, type Problem } from '../api.ts'
import { Blank, Skeleton, Trouble } from '../parts/blank.tsx'
import { Ask } from '../parts/dialog.tsx'
import { say } from '../parts/notice.tsx'
import { SecretForm } from '../parts/secretform.tsx'
import { Ago } from '../parts/time.tsx'
import { useLoad, useTitle } from '../use.ts'
import type { Secret } from '../wire.ts'

type Open = { replace: Secret } | { remove: Secret } | 'new' | undefined

/** The stored secrets: their names and what became of them, never their values. */
export function SecretsPage() {
  useTitle('Secrets')
  const { data, problem, again } = useLoad('secrets', (signal) => api.secrets(signal))
  const [open, show] = useState<Open>()
  const close = () => show(undefined)
  const stored = (text: string) => { close(); say(text); again() }
  return (
    <>
      <div class="head">
        <h1>Secrets</h1>
        {data && data.items.length > 0 && <div class="push actions"><button class="button main" onClick={() => show('new')}>New secret</button></div>}
      </div>
      {!data && problem && <Why problem={problem} onRetry={again} />}
      {!data && !problem && <div class="card"><Skeleton rows={3} /></div>}
      {data && data.items.length === 0 && (
        <Blank title="No secret is stored yet" actions={<button class="button main" onClick={() => show('new')}>New secret</button>}>
          Tasks refer to a secret by its name, so that those who hand them in need not know it. A request can be signed with one, or carry it in a header field.
        </Blank>
      )}
      {data && data.items.length > 0 && (
        <div class="card scroll">
          <table class="table keep">
            <thead>
              <tr><th scope="col">Name</th><th scope="col">Use</th><th scope="col" class="right">Replaced</th><th scope="col" class="right">Last used</th><th scope="col">Sealed with</th><th scope="col"><span class="unseen">Actions</span></th></tr>
            </thead>
            <tbody>{data.items.map((s) => <SecretRow key={s.name} secret={s} onReplace={() => show({ replace: s })} onRemove={() => show({ remove: s })} />)}</tbody>
          </table>
        </div>
      )}
      {open === 'new' && <SecretForm onClose={close} onStored={(name) => stored(`${name} is stored.`)} />}
      {typeof open === 'object' && 'replace' in open && <SecretForm secret={open.replace} onClose={close} onStored={(name) => stored(`${name} is replaced.`)} />}
      {typeof open === 'object' && 'remove' in open && <Remove secret={open.remove} onClose={close} onGone={() => stored(`${open.remove.name} is deleted.`)} />}
    </>
  )
}

/** Why the list cannot be shown. What another try would not change has no button for one. */
function Why({ problem, onRetry }: { problem: Problem; onRetry: () => void }) {
  if (problem.status === 403) return <Blank title="Only an administrator sees the secrets">Ask one to store what your tasks need, and refer to it by its name.</Blank>
  if (problem.code === 'secrets_not_configured') return <Blank title={problem.title}>{problem.message}</Blank>
  return <Trouble problem={problem} onRetry={onRetry} />
}

interface RowProps { secret: Secret; onReplace: () => void; onRemove: () => void }

function SecretRow({ secret: s, onReplace, onRemove }: RowProps) {
  return (
    <tr>
      <th scope="row"><span class="cut mono" title={s.name}>{s.name}</span></th>
      <td data-label="Use" class="use"><Use secret={s} /></td>
      <td class="right" data-label="Replaced">
        <span class="lines">
          <Ago time={s.updated_at} />
          {s.previous_until && <span class="muted small" title="Requests carry signatures by both until then.">the one before ends <Ago time={s.previous_until} /></span>}
        </span>
      </td>
      <td class="right" data-label="Last used">{s.last_used_at ? <Ago time={s.last_used_at} /> : <span class="faint">not yet</span>}</td>
      <td data-label="Sealed with">{s.key_current ? <span class="muted">the current key</span> : <span class="alarm" title={`Key ${s.key_id}. It is sealed again when an api process starts.`}>an older key</span>}</td>
      <td data-label="">
        <span class="row-actions">
          <button class="button" aria-label={`Replace ${s.name}`} onClick={onReplace}>Replace</button>
          <button class="button" aria-label={`Delete ${s.name}`} onClick={onRemove}>Delete</button>
        </span>
      </td>
    </tr>
  )
}

/** What the secret can do, in a sentence. */
function Use({ secret: s }: { secret: Secret }) {
  const sent = s.hosts.length > 0 ? `Sent to ${s.hosts.join(', ')}` : ''
  const signs = s.scheme ? `Signs (${s.scheme})` : ''
  return (
    <span class="lines">
      <span>{[signs, sent].filter(Boolean).join(' · ') || <span class="muted">Nothing: it is no signing secret and has no hosts</span>}</span>
      {s.public_key && <span class="muted mono small" title="The public key, for receivers">{s.public_key}</span>}
    </span>
  )
}

function Remove({ secret, onClose, onGone }: { secret: Secret; onClose: () => void; onGone: () => void }) {
  const [busy, setBusy] = useState(false)
  const remove = async () => {
    setBusy(true)
    try {
      await api.removeSecret(secret.name)
      onGone()
    } catch (err) {
      say(problemOf(err).message)
      onClose()
    }
  }
  return (
    <Ask title={`Delete ${secret.name}?`} verb="Delete for good" busy={busy} onYes={remove} onNo={onClose}
      text="Its value is gone for good, and tasks that need it fail at their next attempt. This cannot be undone." />
  )
}
