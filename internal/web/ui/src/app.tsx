import { useEffect } from 'preact/hooks'
import { api, onSignedOut, problemOf } from './api.ts'
import { Box, useBox } from './box.ts'
import type { Problem } from './api.ts'
import { given, link } from './link.ts'
import { place, go } from './router.ts'
import { session } from './use.ts'
import { Blank, Trouble } from './parts/blank.tsx'
import { Mark } from './parts/icons.tsx'
import { Shell } from './parts/shell.tsx'
import { ahead, Come, lazy } from './lazy.tsx'
import { QueuesPage } from './pages/queues.tsx'
import { SignIn } from './pages/signin.tsx'
import { TasksPage } from './pages/tasks.tsx'
import { WorkersPage } from './pages/workers.tsx'

const newPage = lazy<object>(() => import('./pages/new.tsx').then((m) => m.NewPage))
const secretsPage = lazy<object>(() => import('./pages/secrets.tsx').then((m) => m.SecretsPage))
const tokensPage = lazy<object>(() => import('./pages/tokens.tsx').then((m) => m.TokensPage))
const sessionsPage = lazy<object>(() => import('./pages/sessions.tsx').then((m) => m.SessionsPage))
const systemPage = lazy<object>(() => import('./pages/system.tsx').then((m) => m.SystemPage))
const auditPage = lazy<object>(() => import('./pages/audit.tsx').then((m) => m.AuditPage))
const taskPage = lazy<{ id: string }>(() => import('./pages/task.tsx').then((m) => m.TaskPage))

const problem = new Box<Problem | undefined>(undefined)

let before: string | undefined

/** Forgets all that somebody else saw and typed in this tab. */
function startOver(): void {
  try {
    sessionStorage.clear()
  } catch {
    // Forbidden: then nothing was kept there either.
  }
  location.reload()
}

/** Asks the server who is here. */
function askSession(): void {
  api.session().then(
    (s) => {
      if (s.me && before !== undefined && before !== s.me.id) return startOver()
      before = s.me?.id ?? before
      link.value = s.signed_in ? '' : given
      session.value = s
      problem.value = undefined
    },
    (err: unknown) => { problem.value = problemOf(err) },
  )
}

export function App() {
  const who = useBox(session)
  const fault = useBox(problem)
  useEffect(() => {
    askSession()
    ahead([newPage, taskPage])
    return onSignedOut(askSession)
  }, [])
  if (!who && fault) return <main class="alone"><Mark /><Trouble problem={fault} onRetry={askSession} /></main>
  if (!who) return null
  if (who.required && !who.signed_in) return given ? <Shell shared><Route /></Shell> : <SignIn onDone={askSession} />
  return <Shell><Route /></Shell>
}

function Route() {
  const { path, query } = useBox(place)
  useEffect(() => { if (path === '/') go('/tasks' + location.search, true) }, [path])
  if (path === '/' || path === '/tasks') return <TasksPage />
  const id = /^\/tasks\/([^/]+)\/?$/.exec(path)?.[1]
  if (id !== undefined) return <Come key={id} page={taskPage} id={safeDecode(id)} />
  if (path === '/new') return <Come key={`new ${query.get('from') ?? ''}`} page={newPage} />
  if (path === '/tokens') return <Come page={tokensPage} />
  if (path === '/sessions') return <Come page={sessionsPage} />
  if (path === '/audit') return <Come page={auditPage} />
  if (path === '/queues') return <QueuesPage />
  if (path === '/workers') return <WorkersPage />
  if (path === '/secrets') return <Come key="secrets" page={secretsPage} />
  if (path === '/system') return <Come key="system" page={systemPage} />
  return <Blank whole title="There is no such page" actions={<a class="button" href="/tasks">Go to tasks</a>}>The address leads nowhere here.</Blank>
}

function safeDecode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
