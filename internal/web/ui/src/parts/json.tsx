import { useState } from 'preact/hooks'
import { count, plural } from '../format.ts'
import { Exact, isObject, stringify, type Json } from '../json.ts'
import { CopyButton } from './copy.tsx'
import { Load } from './icons.tsx'

const childrenAtOnce = 100
const textAtOnce = 1200
const openDepth = 3
const openSize = 40

/** JSON as a tree whose parts fold. Numbers are the tokens that were sent. */
export function JsonView({ value }: { value: Json }) {
  return <div class="json mono"><Node value={value} depth={0} tail="" /></div>
}

interface NodeProps { name?: string; value: Json; depth: number; tail: string }

function Node({ name, value, depth, tail }: NodeProps) {
  if (Array.isArray(value) || isObject(value)) return <Branch name={name} value={value} depth={depth} tail={tail} />
  return <div class="json-line"><Name name={name} /><Leaf value={value} />{tail}</div>
}

const Name = ({ name }: { name?: string }) => (name === undefined ? null : <><span class="json-name">{JSON.stringify(name)}</span>: </>)

function Branch({ name, value, depth, tail }: NodeProps) {
  const list = Array.isArray(value)
  const entries: [string | undefined, Json][] = list ? value.map((v) => [undefined, v]) : Object.entries(value as object)
  const [open, setOpen] = useState(depth === 0 || (depth < openDepth && entries.length <= openSize))
  const [shown, show] = useState(childrenAtOnce)
  const [left, right] = list ? ['[', ']'] : ['{', '}']
  if (entries.length === 0) return <div class="json-line"><Name name={name} />{left}{right}{tail}</div>
  if (depth > 0 && short(entries)) {
    return (
      <div class="json-line">
        <Name name={name} />{left}{list ? '' : ' '}
        {entries.map(([k, v], i) => <span key={k ?? i}>{i > 0 && ', '}<Name name={k} /><Leaf value={v} /></span>)}
        {list ? '' : ' '}{right}{tail}
      </div>
    )
  }
  const inside = list ? plural(entries.length, 'item') : plural(entries.length, 'member')
  return (
    <div>
      <div class="json-line">
        <button class="json-fold" aria-expanded={open} aria-label={`${name ?? (list ? 'List' : 'Object')}, ${inside}`} onClick={() => setOpen(!open)} />
        <Name name={name} />{left}
        {!open && <><button class="json-inside" tabIndex={-1} onClick={() => setOpen(true)}>{inside}</button>{right}{tail}</>}
      </div>
      {open && (
        <>
          <div class="json-children">
            {entries.slice(0, shown).map(([k, v], i) => <Node key={k ?? i} name={k} value={v} depth={depth + 1} tail={i < entries.length - 1 ? ',' : ''} />)}
            {entries.length > shown && (
              <button class="link" onClick={() => show(shown + 500)}>Show {count(Math.min(500, entries.length - shown))} more of {count(entries.length - shown)}</button>
            )}
          </div>
          <div class="json-line">{right}{tail}</div>
        </>
      )}
    </div>
  )
}

/** Whether all of a list or an object is easier to read on one line. */
function short(entries: [string | undefined, Json][]): boolean {
  return entries.length <= 12 && entries.every(([, v]) => !Array.isArray(v) && !isObject(v)) && stringify(entries.map(([k, v]) => [k ?? '', v])).length - 6 * entries.length <= 64
}

function Leaf({ value }: { value: Json }) {
  const [whole, showWhole] = useState(false)
  if (typeof value === 'string') {
    const cut = !whole && value.length > textAtOnce
    return (
      <>
        <span class={/\s/.test(value) ? 'json-text' : 'json-text solid'}>{JSON.stringify(cut ? value.slice(0, textAtOnce) : value)}</span>
        {cut && <button class="link" onClick={() => showWhole(true)}>… {count(value.length - textAtOnce)} characters more</button>}
      </>
    )
  }
  return <span class="json-value">{value instanceof Exact ? value.raw : String(value)}</span>
}

interface CardProps { title: string; value: Json; file: string; note?: string }

/** A card with JSON, to read, copy and keep. */
export function JsonCard({ title, value, file, note }: CardProps) {
  const id = `json-${title.toLowerCase().replace(/\W+/g, '-')}`
  return (
    <section class="card" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {note && <span class="muted small">{note}</span>}
        <span class="push" />
        <CopyButton quiet label={`Copy the ${title.toLowerCase()}`} text={() => stringify(value, 2)} />
        <button type="button" class="button icon-only" aria-label={`Download the ${title.toLowerCase()}`} title={`Download the ${title.toLowerCase()}`} onClick={() => download(file, stringify(value, 2))}><Load /></button>
      </header>
      <JsonView value={value} />
    </section>
  )
}

/** Hands a text to the browser as a file. */
export function download(file: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
  const a = document.createElement('a')
  a.href = url
  a.download = file
  a.click()
  setTimeout(() => URL.revokeObjectURL(url), 1000)
}
