import { useState } from 'preact/hooks'
import { agent } from '../agent.ts'
import { api, problemOf } from '../api.ts'
import { may } from '../me.ts'
import { Blank, Skeleton, Trouble } from '../parts/blank.tsx'
import { Choice } from '../parts/menu.tsx'
import { say } from '../parts/notice.tsx'
import { Ago, Until } from '../parts/time.tsx'
import { useLoad, useTitle } from '../use.ts'
import type { OpenSession } from '../wire.ts'

type Whose = 'own' | 'all'

/** Every browser that is signed in. */
export function SessionsPage() {
  useTitle('Sessions')
  const [whose, show] = useState<Whose>('own')
  const { data, problem, again } = useLoad(`sessions ${whose}`, (signal) => api.sessions(whose === 'all', signal))
  const end = async (s: OpenSession) => {
    try {
      await api.endSession(s.id)
      if (s.current) return location.reload()
      say('That browser is signed out.')
    } catch (err) {
      say(problemOf(err).message)
    }
    again()
  }
  return (
    <>
      <div class="head">
        <h1>Sessions</h1>
        {may('sessions.all') && <div class="push"><Choice<Whose> name="Whose" value={whose} options={[['own', 'Own'], ['all', 'All']]} onChange={show} /></div>}
      </div>
      {!data && problem && <Trouble problem={problem} onRetry={again} />}
      {!data && !problem && <div class="card"><Skeleton rows={3} /></div>}
      {data && data.items.length === 0 && <Blank title="No browser is signed in">A session begins when somebody signs in here with a token. Programs that send their token have none.</Blank>}
      {data && data.items.length > 0 && (
        <div class="card scroll">
          <table class="table">
            <thead>
              <tr><th scope="col">Browser</th><th scope="col">Token</th><th scope="col" class="right">Signed in</th><th scope="col" class="right">Last seen</th><th scope="col" class="right">Ends</th><th scope="col"><span class="unseen">Actions</span></th></tr>
            </thead>
            <tbody>{data.items.map((s) => <SessionRow key={s.id} session={s} onEnd={() => void end(s)} />)}</tbody>
          </table>
        </div>
      )}
    </>
  )
}

function SessionRow({ session: s, onEnd }: { session: OpenSession; onEnd: () => void }) {
  const name = agent(s.user_agent)
  return (
    <tr>
      <th scope="row"><span class="who"><span class="cut" title={s.user_agent}>{name}</span>{s.current && <span class="here">this one</span>}</span></th>
      <td data-label="Token" class="wide">{s.token_id === 'admin' ? 'Admin token' : <span class="mono">{s.token_id}</span>}</td>
      <td data-label="Signed in" class="right"><Ago time={s.created_at} /></td>
      <td data-label="Last seen" class="right"><Ago time={s.last_used_at} /></td>
      <td data-label="Ends" class="right"><Until time={s.expires_at} /></td>
      <td class="right act"><button class="button" aria-label={`Sign out ${name}`} onClick={onEnd}>Sign out</button></td>
    </tr>
  )
}
