import { useState } from 'preact/hooks'
import { api, problemOf } from '../api.ts'
import type { Fault, Secret } from '../wire.ts'
import { CopyButton } from './copy.tsx'
import { Dialog } from './dialog.tsx'

interface Props { secret?: Secret; onClose: () => void; onStored: (name: string) => void }

const keeps: [string, string][] = [['', 'It is gone at once'], ['1h', 'Stays good for 1 hour'], ['24h', 'Stays good for 24 hours'], ['168h', 'Stays good for 7 days']]

/** Asks for a secret: a new one, or the value that replaces one. */
export function SecretForm({ secret, onClose, onStored }: Props) {
  const [name, setName] = useState(secret?.name ?? '')
  const [value, setValue] = useState('')
  const [made, setMade] = useState(false)
  const [hosts, setHosts] = useState(secret?.hosts.join(', ') ?? '')
  const [keep, setKeep] = useState(secret ? '24h' : '')
  const [faults, setFaults] = useState<Fault[]>([])
  const [trouble, setTrouble] = useState('')
  const [busy, setBusy] = useState(false)
  const of = (place: string, label: string) => faults.filter((f) => f.location?.startsWith(place)).map((f) => `${label} ${f.message}`).join('; ')
  const type = (e: { currentTarget: { value: string } }) => { setValue(e.currentTarget.value); setMade(false) }
  const make = () => { setValue(signingSecret()); setMade(true) }
  const submit = async (e: Event) => {
    e.preventDefault()
    setBusy(true)
    setTrouble('')
    try {
      await api.putSecret(name.trim(), { value, hosts: hosts.split(/[\s,]+/).filter(Boolean), ...(keep ? { keep_previous: keep } : {}) })
      onStored(name.trim())
    } catch (err) {
      const problem = problemOf(err)
      setFaults(problem.faults)
      setTrouble(problem.faults.length > 0 ? '' : problem.message)
      setBusy(false)
    }
  }
  return (
    <Dialog title={secret ? `Replace ${secret.name}` : 'New secret'} onClose={onClose} wide>
      <form class="stack" onSubmit={submit} noValidate>
        {!secret && (
          <Field id="secret-name" label="Name" fault={of('path.name', 'Name')} help="What tasks refer to it by: a-z, 0-9, dot, _ and -.">
            {(control) => <input {...control} {...plain} class="input mono" placeholder="orders-webhook" autofocus value={name} onInput={(e) => setName(e.currentTarget.value)} />}
          </Field>
        )}
        <Field id="secret-value" label="Value" fault={of('body.value', 'Value')} help={made ? 'Copy it for the receiver now: once stored, nothing shows it again.' : 'A token, a password, or a signing secret (whsec_… or whsk_…). Once stored, nothing shows it again.'}>
          {(control) => made
            ? <input {...control} {...plain} class="input mono" type="text" value={value} onInput={type} />
            : <input {...control} {...plain} class="input mono" type="password" autocomplete="new-password" autofocus={!!secret} value={value} onInput={type} />}
        </Field>
        <div class="actions">
          <button type="button" class="button" onClick={make}>Make a signing secret</button>
          {made && <CopyButton label="Copy it" text={() => value} />}
        </div>
        <Field id="secret-hosts" label="Hosts" fault={of('body.hosts', 'Hosts')} help="Where it may be sent in a header field, such as api.example.com or *.example.com. Leave it empty for one that only signs.">
          {(control) => <input {...control} {...plain} class="input" inputmode="url" value={hosts} onInput={(e) => setHosts(e.currentTarget.value)} />}
        </Field>
        {secret && (
          <Field id="secret-keep" label="The value before" fault={of('body.keep_previous', 'The time')} help="While both are good, requests carry signatures by both, so that receivers can change over.">
            {(control) => (
              <select {...control} class="input" value={keep} onChange={(e) => setKeep(e.currentTarget.value)}>
                {keeps.map(([v, words]) => <option key={v} value={v}>{words}</option>)}
              </select>
            )}
          </Field>
        )}
        {trouble && <p class="fault-line" role="alert">{trouble}</p>}
        <div class="actions end">
          <button type="button" class="button" onClick={onClose}>Cancel</button>
          <button class="button main" disabled={busy}>{busy ? 'Storing…' : secret ? 'Replace' : 'Store'}</button>
        </div>
      </form>
    </Dialog>
  )
}

const plain = { autocomplete: 'off', autocapitalize: 'off', spellcheck: false } as const

interface Control { id: string; 'aria-invalid': true | undefined; 'aria-describedby': string }
interface FieldProps { id: string; label: string; fault: string; help: string; children: (control: Control) => preact.JSX.Element }

function Field({ id, label, fault, help, children }: FieldProps) {
  return (
    <div class={fault ? 'field wrong' : 'field'}>
      <label for={id}>{label}</label>
      {children({ id, 'aria-invalid': fault ? true : undefined, 'aria-describedby': `${id}-help ${id}-fault` })}
      <p id={`${id}-fault`} class="fault-line" role="alert">{fault}</p>
      <p id={`${id}-help`} class="help">{help}</p>
    </div>
  )
}

/** A new symmetric signing secret as Standard Webhooks has it. */
function signingSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  return 'whsec_' + btoa(String.fromCharCode(...bytes))
}
