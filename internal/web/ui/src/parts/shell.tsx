import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { useBox } from '../box.ts'
import { line, type Line } from '../live.ts'
import { useKeys, step, sheet } from '../keys.ts'
import { may } from '../me.ts'
import { go, place } from '../router.ts'
import { session } from '../use.ts'
import { Dialog } from './dialog.tsx'
import { Find, focusFind } from './find.tsx'
import { Hands, Mark, Plus, Pulse, Rows, Stack } from './icons.tsx'
import { Menu } from './menu.tsx'
import { Notices } from './notice.tsx'

const places = [
  { to: '/tasks', name: 'Tasks', icon: <Rows /> },
  { to: '/queues', name: 'Queues', icon: <Stack /> },
  { to: '/workers', name: 'Workers', icon: <Hands /> },
  { to: '/system', name: 'System', icon: <Pulse /> },
]

const lines: Record<Line, { word: string; title: string }> = {
  idle: { word: '', title: '' },
  connecting: { word: 'Joining', title: 'The live connection is being made.' },
  live: { word: 'Live', title: 'Changes show by themselves.' },
  lost: { word: 'Offline', title: 'The connection is lost. What is shown stays; the page catches up by itself.' },
}

function LineMark() {
  const now = useBox(line)
  return <span class={`line ${now}`} title={lines[now].title}>{lines[now].word}</span>
}

interface ShellProps {
  children: ComponentChildren
  /** Whether the page was opened with a link to one task: then there is no way to others. */
  shared?: boolean
}

/** The frame of every page: the bar, the way between pages, the keys that work everywhere. */
export function Shell({ children, shared = false }: ShellProps) {
  const here = useBox(place).path
  const who = useBox(session)
  const [keys, showKeys] = useState(false)
  useKeys(shared ? {} : {
    '/': focusFind,
    n: () => { if (may('tasks.submit')) go('/new') },
    j: () => step('[data-row]', 1),
    k: () => step('[data-row]', -1),
    'g t': () => go('/tasks'),
    'g q': () => go('/queues'),
    'g w': () => go('/workers'),
    'g s': () => go('/system'),
    '?': () => showKeys(true),
  })
  return (
    <>
      <a class="skip" href="#main">Skip to the content</a>
      <header class="bar">
        {shared
          ? <span class="brand push-rest"><Mark /><span>Windlass</span><span class="here">shared task</span></span>
          : (
            <>
              <a class="brand" href="/tasks"><Mark /><span>Windlass</span></a>
              <nav class="nav" aria-label="Main">
                {places.map((p) => (
                  <a key={p.to} href={p.to} aria-current={here.startsWith(p.to) || (here === '/' && p.to === '/tasks') ? 'page' : undefined}>{p.icon}<span>{p.name}</span></a>
                ))}
                {may('tasks.submit') && <a class="nav-new" href="/new" aria-current={here === '/new' ? 'page' : undefined}><Plus /><span>New</span></a>}
              </nav>
              <Find />
            </>
          )}
        <LineMark />
        <Menu onKeys={() => showKeys(true)} />
      </header>
      {who?.embedded_redis && <aside class="strip" aria-label="About this server">This server keeps its tasks in memory only: they are gone when it stops.</aside>}
      <main id="main" tabIndex={-1}>{children}</main>
      {keys && <Keys onClose={() => showKeys(false)} />}
      <Notices />
    </>
  )
}

function Keys({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl class="keys">
        {sheet.map((k) => (
          <div key={k.what}><dt>{k.what}</dt><dd>{k.keys.map((key) => <kbd key={key}>{key}</kbd>)}</dd></div>
        ))}
      </dl>
      <div class="actions end"><button class="button" onClick={onClose}>Close</button></div>
    </Dialog>
  )
}
