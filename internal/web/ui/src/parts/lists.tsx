import { useEffect, useRef } from 'preact/hooks'
import type { Typed } from '../form/draft.ts'
import type { Field } from '../form/fields.ts'
import { Cross, Plus } from './icons.tsx'

/** Puts the focus into the last row once one was added. */
function useGrowth(length: number) {
  const box = useRef<HTMLDivElement>(null)
  const before = useRef(length)
  useEffect(() => {
    if (length > before.current && before.current > 0) box.current?.querySelector<HTMLInputElement>('.row-edit:last-of-type input')?.focus()
    before.current = length
  }, [length])
  return box
}

interface ListProps { id: string; field: Field; items: string[]; described: string; onChange: (v: Typed | undefined) => void }

/** A list of texts, one row each. */
export function ListEditor({ id, field, items, described, onChange }: ListProps) {
  const rows = items.length ? items : ['']
  const box = useGrowth(rows.length)
  const put = (next: string[]) => onChange(next.length ? next : undefined)
  return (
    <div class="rows-edit" ref={box} role="group" aria-labelledby={`${id}-label`} aria-describedby={described}>
      {rows.map((item, i) => (
        <div class="row-edit" key={i}>
          <input id={i === 0 ? id : undefined} class="input" value={item} placeholder={i === 0 ? field.placeholder : ''} aria-label={`${field.label} ${i + 1}`} autocomplete="off" spellcheck={false}
            onInput={(e) => put(rows.map((x, n) => (n === i ? e.currentTarget.value : x)))} />
          <Remove what={`${field.label} ${i + 1}`} hidden={rows.length === 1 && item === ''} onClick={() => put(rows.filter((_, n) => n !== i))} />
        </div>
      ))}
      <button type="button" class="link add" onClick={() => put([...rows, ''])}><Plus />Add another</button>
    </div>
  )
}

interface MapProps { id: string; field: Field; pairs: [string, string][]; described: string; onChange: (v: Typed | undefined) => void }

/** Names with a text each, one row a pair. */
export function MapEditor({ id, field, pairs, described, onChange }: MapProps) {
  const rows: [string, string][] = pairs.length ? pairs : [['', '']]
  const box = useGrowth(rows.length)
  const put = (next: [string, string][]) => onChange(next.length ? next : undefined)
  const set = (i: number, name: string, value: string) => put(rows.map((x, n) => (n === i ? [name, value] : x)))
  return (
    <div class="rows-edit" ref={box} role="group" aria-labelledby={`${id}-label`} aria-describedby={described}>
      {rows.map(([name, value], i) => (
        <div class="row-edit pair" key={i}>
          <input id={i === 0 ? id : undefined} class="input" value={name} placeholder="Name" aria-label={`${field.label}: name ${i + 1}`} autocomplete="off" autocapitalize="off" spellcheck={false} onInput={(e) => set(i, e.currentTarget.value, value)} />
          <input class="input" value={value} placeholder="Value" aria-label={`${field.label}: value ${i + 1}`} autocomplete="off" autocapitalize="off" spellcheck={false} onInput={(e) => set(i, name, e.currentTarget.value)} />
          <Remove what={`${field.label} ${i + 1}`} hidden={rows.length === 1 && name === '' && value === ''} onClick={() => put(rows.filter((_, n) => n !== i))} />
        </div>
      ))}
      <button type="button" class="link add" onClick={() => put([...rows, ['', '']])}><Plus />Add another</button>
    </div>
  )
}

function Remove({ what, hidden, onClick }: { what: string; hidden: boolean; onClick: () => void }) {
  return <button type="button" class={hidden ? 'button icon-only plain away' : 'button icon-only plain'} aria-label={`Remove ${what}`} disabled={hidden} onClick={onClick}><Cross /></button>
}
