import { useState } from 'preact/hooks'
import { api, problemOf } from '../api.ts'
import { useNow } from '../clock.ts'
import { at } from '../format.ts'
import { may } from '../me.ts'
import { Blank, Skeleton, Trouble } from '../parts/blank.tsx'
import { Ask } from '../parts/dialog.tsx'
import { NewToken } from '../parts/newtoken.tsx'
import { say } from '../parts/notice.tsx'
import { Ago, Until } from '../parts/time.tsx'
import { session, useLoad, useTitle } from '../use.ts'
import type { Token } from '../wire.ts'

/** Every token: what it is for, what it may do, when it was used last. */
export function TokensPage() {
  useTitle('Tokens')
  const { data, problem, again } = useLoad('tokens', (signal) => api.tokens(signal))
  const [making, make] = useState(false)
  const [revoking, revoke] = useState<Token>()
  const [busy, setBusy] = useState(false)
  const onRevoke = async () => {
    setBusy(true)
    try {
      await api.revokeToken(revoking!.id)
      say(`“${revoking!.name}” is revoked.`)
    } catch (err) {
      say(problemOf(err).message)
    }
    revoke(undefined)
    setBusy(false)
    again()
  }
  const create = may('tokens.change') && <button class="button main" onClick={() => make(true)}>New token</button>
  return (
    <>
      <div class="head"><h1>Tokens</h1>{data && data.items.length > 0 && <div class="push">{create}</div>}</div>
      {session.value?.required === false && <p class="note card gap">Nobody needs a token here yet: this server listens on this machine only. Set WINDLASS_ADMIN_TOKEN and it asks for them.</p>}
      {!data && problem && <Trouble problem={problem} onRetry={again} />}
      {!data && !problem && <div class="card"><Skeleton rows={3} /></div>}
      {data && data.items.length === 0 && (
        <Blank title="No token was made yet" actions={create}>A token lets a program or a person in, with a role of its own. It can be revoked without touching any other.</Blank>
      )}
      {data && data.items.length > 0 && (
        <div class="card scroll">
          <table class="table">
            <thead>
              <tr><th scope="col">Token</th><th scope="col">Role</th><th scope="col">Bound to</th><th scope="col" class="right">Last used</th><th scope="col" class="right">Expires</th><th scope="col"><span class="unseen">Actions</span></th></tr>
            </thead>
            <tbody>{data.items.map((t) => <TokenRow key={t.id} token={t} onRevoke={() => revoke(t)} />)}</tbody>
          </table>
        </div>
      )}
      {making && <NewToken onClose={() => { make(false); again() }} />}
      {revoking && (
        <Ask title={`Revoke “${revoking.name}”?`} verb="Revoke for good" busy={busy} onYes={onRevoke} onNo={() => revoke(undefined)}
          text="Whoever uses it is refused from then on, and browsers that signed in with it are signed out. This cannot be undone." />
      )}
    </>
  )
}

function TokenRow({ token: t, onRevoke }: { token: Token; onRevoke: () => void }) {
  const over = !t.revoked_at && at(t.expires_at) <= useNow()
  const ended = over || !!t.revoked_at
  const bound = [...t.kinds, ...t.queues]
  return (
    <tr class={ended ? 'ended' : ''}>
      <th scope="row"><span class="named"><span class="cut" title={t.name}>{t.name}</span><span class="mono faint">{t.id}</span></span></th>
      <td data-label="Role">{t.role}</td>
      <td data-label="Bound to" class={bound.length === 0 ? 'zero' : 'wide'}>{bound.length === 0 ? <span class="faint">no bounds</span> : <span class="queues">{bound.map((b) => <span key={b}>{b}</span>)}</span>}</td>
      <td data-label="Last used" class="right">{t.last_used_at ? <Ago time={t.last_used_at} /> : <span class="faint">never</span>}</td>
      <td data-label={ended ? 'Ended' : 'Expires'} class="right wide">
        {t.revoked_at ? <span>revoked <Ago time={t.revoked_at} /></span> : over ? <span>expired <Ago time={t.expires_at} /></span> : <Until time={t.expires_at} />}
      </td>
      <td class="right act">{!ended && may('tokens.change') && <button class="button" aria-label={`Revoke ${t.name}`} onClick={onRevoke}>Revoke</button>}</td>
    </tr>
  )
}
