import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { api, problemOf, type Problem } from '../api.ts'
import { useKinds } from '../use.ts'
import { roles, type MadeToken, type Role } from '../wire.ts'
import { CopyButton } from './copy.tsx'
import { Dialog } from './dialog.tsx'
import { Choice } from './menu.tsx'

const tells: Record<Role, string> = {
  viewer: 'Sees tasks, their results and logs.',
  submitter: 'Also hands tasks in, and cancels its own.',
  operator: 'Also cancels, retries and deletes all tasks.',
  admin: 'Also makes and revokes tokens.',
}

const lives = { '168h': '7 days', '720h': '30 days', '2160h': '90 days', '8760h': '1 year' }
type Life = keyof typeof lives

/** Asks what a new token is for, and shows it once. */
export function NewToken({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<MadeToken>()
  return made ? <Made token={made} onClose={onClose} /> : <Form onMade={setMade} onClose={onClose} />
}

function Form({ onMade, onClose }: { onMade: (t: MadeToken) => void; onClose: () => void }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('submitter')
  const [life, setLife] = useState<Life>('2160h')
  const [kinds, setKinds] = useState<string[]>([])
  const [queues, setQueues] = useState('')
  const [problem, setProblem] = useState<Problem>()
  const [busy, setBusy] = useState(false)
  const known = useKinds().kinds ?? []
  const free = role === 'admin'
  const fault = (field: string) => problem?.faults.find((f) => f.location?.startsWith(`body.${field}`))?.message
  const submit = async (e: Event) => {
    e.preventDefault()
    setBusy(true)
    setProblem(undefined)
    const bounds = free ? {} : { kinds, queues: queues.split(/[\s,]+/).filter(Boolean) }
    try {
      onMade(await api.createToken({ name: name.trim(), role, expires_in: life, ...bounds }))
    } catch (err) {
      setProblem(problemOf(err))
      setBusy(false)
    }
  }
  return (
    <Dialog title="New token" onClose={onClose} wide>
      <form class="stack" onSubmit={submit} noValidate>
        <Line id="token-name" label="What is it for?" fault={fault('name')}>
          <input id="token-name" class="input" value={name} autofocus autocomplete="off" placeholder="Shop, production" aria-describedby="token-name-fault"
            aria-invalid={fault('name') !== undefined || undefined} onInput={(e) => setName(e.currentTarget.value)} />
        </Line>
        <fieldset class="options">
          <legend class="label">Role</legend>
          {roles.map((r) => (
            <label key={r} class="option">
              <input type="radio" name="role" value={r} checked={role === r} onChange={() => setRole(r)} />
              <span><b>{r}</b> <span class="muted">{tells[r]}</span></span>
            </label>
          ))}
        </fieldset>
        <div class="field"><span class="label">Valid for</span><Choice<Life> name="Valid for" value={life} options={Object.entries(lives) as [Life, string][]} onChange={setLife} /></div>
        {!free && (
          <details class="fold">
            <summary>Bind it <span class="muted">to kinds or queues; it sees no others</span></summary>
            <fieldset class="options">
              <legend class="label">Kinds</legend>
              {known.map((k) => (
                <label key={k.name} class="check">
                  <input type="checkbox" checked={kinds.includes(k.name)} onChange={(e) => setKinds(e.currentTarget.checked ? [...kinds, k.name] : kinds.filter((x) => x !== k.name))} />
                  <span>{k.name}</span>
                </label>
              ))}
            </fieldset>
            <Line id="token-queues" label="Queues" fault={fault('queues')}>
              <input id="token-queues" class="input" value={queues} autocomplete="off" autocapitalize="off" spellcheck={false} placeholder="all, or some: default, low"
                aria-describedby="token-queues-fault" onInput={(e) => setQueues(e.currentTarget.value)} />
            </Line>
          </details>
        )}
        {problem && problem.faults.length === 0 && <p class="fault-line" role="alert">{problem.message}</p>}
        <div class="actions end">
          <button type="button" class="button" onClick={onClose}>Not now</button>
          <button class="button main" disabled={busy}>{busy ? 'Making it…' : 'Make token'}</button>
        </div>
      </form>
    </Dialog>
  )
}

function Line({ id, label, fault, children }: { id: string; label: string; fault: string | undefined; children: ComponentChildren }) {
  return (
    <div class={fault ? 'field wrong' : 'field'}>
      <label for={id}>{label}</label>
      {children}
      <p id={`${id}-fault`} class="fault-line" role="alert">{fault ? `This ${fault}.` : ''}</p>
    </div>
  )
}

function Made({ token, onClose }: { token: MadeToken; onClose: () => void }) {
  return (
    <Dialog title="Copy the token now" onClose={onClose} wide>
      <p class="muted">It is shown only this once; the server keeps nothing that it could be told from. Send it as <code>Authorization: Bearer</code>, or sign in with it here.</p>
      <Secret label="Token" text={token.token} />
      <div class="actions end"><button class="button" onClick={onClose}>Done</button></div>
    </Dialog>
  )
}

/** A text to be copied whole. */
export function Secret({ label, text }: { label: string; text: string }) {
  return (
    <div class="secret">
      <input class="input mono" readOnly value={text} aria-label={label} onFocus={(e) => e.currentTarget.select()} />
      <CopyButton label="Copy" text={() => text} />
    </div>
  )
}
