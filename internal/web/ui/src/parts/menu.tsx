import { useEffect, useRef, useState } from 'preact/hooks'
import { api } from '../api.ts'
import { useBox } from '../box.ts'
import { may } from '../me.ts'
import { session } from '../use.ts'
import { theme, zone, type Theme } from '../settings.ts'
import type { Zone } from '../format.ts'
import { Gear } from './icons.tsx'

interface ChoiceProps<T extends string> { name: string; value: T; options: [T, string][]; onChange: (v: T) => void }

/** A few exclusive choices side by side. */
export function Choice<T extends string>({ name, value, options, onChange }: ChoiceProps<T>) {
  return (
    <div class="choice" role="radiogroup" aria-label={name}>
      {options.map(([v, words]) => (
        <label key={v}>
          <input type="radio" name={name} checked={v === value} onChange={() => onChange(v)} />
          <span>{words}</span>
        </label>
      ))}
    </div>
  )
}

/** The menu of what is set once and then forgotten. */
export function Menu({ onKeys }: { onKeys: () => void }) {
  const [open, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const who = useBox(session)
  const me = who?.me
  const chosen = useBox(theme)
  const times = useBox(zone)
  useEffect(() => {
    if (!open) return undefined
    const outside = (e: Event) => { if (!root.current?.contains(e.target as Node)) setOpen(false) }
    const escape = (e: KeyboardEvent) => {
      if (e.key !== 'Escape') return
      setOpen(false)
      button.current?.focus()
    }
    document.addEventListener('pointerdown', outside)
    document.addEventListener('focusin', outside)
    document.addEventListener('keydown', escape)
    return () => {
      document.removeEventListener('pointerdown', outside)
      document.removeEventListener('focusin', outside)
      document.removeEventListener('keydown', escape)
    }
  }, [open])
  const leave = async () => {
    await api.signOut()
    location.reload()
  }
  return (
    <div class="menu" ref={root}>
      <button ref={button} class="button icon-only plain" aria-label="Settings" aria-expanded={open} onClick={() => setOpen(!open)}><Gear /></button>
      {open && (
        <div class="menu-body" role="group" aria-label="Settings">
          {me && who?.required && (
            <>
              <p class="menu-me"><span class="cut" title={me.id}>{me.name}</span><span class="muted">{me.role}</span></p>
              <hr />
            </>
          )}
          <div class="menu-line">Theme<Choice<Theme> name="Theme" value={chosen} options={[['auto', 'Auto'], ['light', 'Light'], ['dark', 'Dark']]} onChange={(v) => { theme.value = v }} /></div>
          <div class="menu-line">Times<Choice<Zone> name="Times" value={times} options={[['local', 'Local'], ['utc', 'UTC']]} onChange={(v) => { zone.value = v }} /></div>
          <hr />
          {may('tokens.read') && <a class="menu-item" href="/tokens" onClick={() => setOpen(false)}>Tokens</a>}
          {may('audit.read') && <a class="menu-item" href="/audit" onClick={() => setOpen(false)}>Audit</a>}
          {may('secrets.read') && <a class="menu-item" href="/secrets" onClick={() => setOpen(false)}>Secrets</a>}
          {who?.required && may('sessions.own') && <a class="menu-item" href="/sessions" onClick={() => setOpen(false)}>Sessions</a>}
          <a class="menu-item" href="/docs">API documentation</a>
          <button class="menu-item" onClick={() => { setOpen(false); onKeys() }}>Keyboard shortcuts <kbd>?</kbd></button>
          {me?.via === 'session' && <button class="menu-item" onClick={leave}>Sign out</button>}
          {who && <p class="small muted menu-foot">Windlass {who.version}</p>}
        </div>
      )}
    </div>
  )
}
