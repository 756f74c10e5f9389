import { useEffect, useId, useRef, useState } from 'preact/hooks'
import { api } from '../api.ts'
import { ways, type Way } from '../find.ts'
import { go } from '../router.ts'
import { useKinds } from '../use.ts'
import { capital } from '../format.ts'
import { Glass } from './icons.tsx'

/** The search field. It offers what the list can be narrowed to, and opens a task by its id. */
export function Find() {
  const [text, setText] = useState('')
  const [open, setOpen] = useState(false)
  const [picked, pick] = useState(0)
  const [queues, setQueues] = useState<string[]>([])
  const input = useRef<HTMLInputElement>(null)
  const list = useId()
  const { kinds } = useKinds()
  const offers = ways(text, (kinds ?? []).map((k) => k.name), queues)
  useEffect(() => pick(0), [text])

  const focus = () => {
    setOpen(true)
    if (queues.length === 0) api.queues().then((q) => setQueues(q.items.map((x) => x.name)), () => undefined)
  }
  const take = (way: Way | undefined) => {
    if (!way) return
    setText('')
    setOpen(false)
    input.current?.blur()
    go(way.to)
  }
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault()
      pick((picked + (e.key === 'ArrowDown' ? 1 : offers.length - 1)) % Math.max(1, offers.length))
    } else if (e.key === 'Enter') {
      e.preventDefault()
      take(offers[picked])
    }
  }
  const shown = open && text.trim() !== ''
  return (
    <div class="find" role="search">
      <label class="find-field">
        <Glass />
        <input ref={input} id="find" type="search" placeholder="Find a task" aria-label="Find a task" autocomplete="off" spellcheck={false}
          list={undefined} role="combobox" aria-expanded={shown} aria-controls={list} aria-activedescendant={shown && offers[picked] ? `${list}-${picked}` : undefined}
          value={text} onInput={(e) => setText(e.currentTarget.value)} onKeyDown={onKeyDown} onFocus={focus} onBlur={() => setOpen(false)} />
        <kbd>/</kbd>
      </label>
      <div id={list} class="find-offers" role="listbox" aria-label="Ways" hidden={!shown}>
        {offers.map((w, i) => (
          <div key={w.id} id={`${list}-${i}`} role="option" aria-selected={i === picked} onPointerDown={(e) => { e.preventDefault(); take(w) }} onPointerMove={() => pick(i)}>
            <span class="muted">{capital(w.what)}</span> <span class="cut">{w.value}</span>
          </div>
        ))}
      </div>
    </div>
  )
}

/** Puts the focus into the search field. */
export function focusFind(): void {
  const field = document.getElementById('find') as HTMLInputElement | null
  field?.focus()
  field?.select()
}

