import { useState } from 'preact/hooks'
import { api, problemOf } from '../api.ts'
import { Mark } from '../parts/icons.tsx'
import { useTitle } from '../use.ts'

/** Asks for the token that this server wants. It becomes a cookie that scripts cannot read. */
export function SignIn({ onDone }: { onDone: () => void }) {
  useTitle('Sign in')
  const [token, setToken] = useState('')
  const [fault, setFault] = useState('')
  const [busy, setBusy] = useState(false)
  const submit = async (e: Event) => {
    e.preventDefault()
    if (token.trim() === '') return setFault('Type the token first.')
    setBusy(true)
    setFault('')
    try {
      await api.signIn(token.trim())
      if ((await api.session()).signed_in) onDone()
      else setFault('The token is right, but this browser did not keep the cookie that says so. Allow cookies for this address; over plain HTTP some browsers keep them for localhost only.')
    } catch (err) {
      setFault(problemOf(err).message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <main class="alone">
      <form class="card sign" onSubmit={submit} noValidate>
        <p class="brand"><Mark /><span>Windlass</span></p>
        <h1>Sign in</h1>
        <div class="field">
          <label for="token">Token</label>
          <input id="token" class="input" type="password" autocomplete="current-password" autofocus value={token}
            aria-invalid={fault !== ''} aria-describedby="token-help token-fault" onInput={(e) => setToken(e.currentTarget.value)} />
          <p id="token-fault" class="fault-line" role="alert">{fault}</p>
          <p id="token-help" class="help">It begins with wl_. An admin of this server makes one for you; the very first is the value of WINDLASS_ADMIN_TOKEN.</p>
        </div>
        <button class="button main" disabled={busy}>{busy ? 'Signing in…' : 'Sign in'}</button>
      </form>
    </main>
  )
}
