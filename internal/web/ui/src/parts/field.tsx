import type { ComponentChildren } from 'preact'
import { fieldId, jsonOf, type Draft, type Faults, type Typed } from '../form/draft.ts'
import { limits, overLimit, readBack, type Field } from '../form/fields.ts'
import { isObject, Exact } from '../json.ts'
import { ListEditor, MapEditor } from './lists.tsx'

export interface FieldsProps { fields: Field[]; draft: Draft; faults: Faults; onChange: (path: string, v: Typed | undefined) => void }

/** The fields of a form, groups as fieldsets. */
export function Fields({ fields, draft, faults, onChange }: FieldsProps) {
  return (
    <>
      {fields.map((f) => f.sort === 'group'
        ? (
          <fieldset key={f.path} class="group">
            <legend>{f.label}</legend>
            {f.help && <p class="help">{f.help}</p>}
            <Fields fields={f.fields} draft={draft} faults={faults} onChange={onChange} />
          </fieldset>
        )
        : <FieldView key={f.path} field={f} value={draft[f.path]} fault={faults[f.path]} onChange={(v) => onChange(f.path, v)} />)}
    </>
  )
}

interface ViewProps { field: Field; value: Typed | undefined; fault: string | undefined; onChange: (v: Typed | undefined) => void }

/** One field: its label, what it is for, its limits, the control and its fault. */
export function FieldView({ field: f, value, fault, onChange }: ViewProps) {
  const id = fieldId(f.path)
  const typed = typeof value === 'string' ? value : ''
  const over = overLimit(f, typed)
  const told = [f.help, limits(f) && `${limits(f)}.`].filter(Boolean).join(' ')
  const described = `${id}-help ${id}-fault`
  const control: Control = { id, 'aria-invalid': fault ? true : undefined, 'aria-describedby': described, 'aria-required': f.required || undefined }
  if (f.sort === 'bool') {
    const on = value === undefined ? f.schema.default === true : value === true
    return (
      <Frame f={f} id={id} told={told} fault={fault} over="">
        <label class="check"><input {...control} type="checkbox" checked={on} onChange={(e) => onChange(e.currentTarget.checked)} /><span>{f.label}</span></label>
      </Frame>
    )
  }
  const many = f.sort === 'list' || f.sort === 'map'
  return (
    <Frame f={f} id={id} told={told} fault={fault} over={over}
      label={many ? <span class="label" id={`${id}-label`}>{f.label}</span> : <label for={id}>{f.label}</label>} aside={aside(f, typed)}>
      {f.sort === 'list' ? <ListEditor id={id} field={f} items={(value as string[] | undefined) ?? []} described={described} onChange={onChange} />
        : f.sort === 'map' ? <MapEditor id={id} field={f} pairs={(value as [string, string][] | undefined) ?? []} described={described} onChange={onChange} />
          : <Input f={f} control={control} typed={typed} onChange={onChange} />}
    </Frame>
  )
}

interface Control { id: string; 'aria-invalid': true | undefined; 'aria-describedby': string; 'aria-required': true | undefined }
interface FrameProps { f: Field; id: string; told: string; fault: string | undefined; over: string; label?: ComponentChildren; aside?: string; children: ComponentChildren }

function Frame({ f, id, told, fault, over, label, aside, children }: FrameProps) {
  return (
    <div class={`field of-${f.sort}${fault ? ' wrong' : ''}`}>
      {label && <div class="label-line">{label}<span class="push muted small">{aside}</span></div>}
      {children}
      <p id={`${id}-fault`} class="fault-line">{fault ? `${f.label} ${fault}` : over}</p>
      <p id={`${id}-help`} class="help">{told}</p>
    </div>
  )
}

function Input({ f, control, typed, onChange }: { f: Field; control: Control; typed: string; onChange: (v: string) => void }) {
  const common = { ...control, class: 'input', value: typed, placeholder: f.placeholder, onInput: (e: { currentTarget: { value: string } }) => onChange(e.currentTarget.value) }
  const plain = { autocomplete: 'off', autocapitalize: 'off', spellcheck: false } as const
  switch (f.sort) {
    case 'choice': {
      const fallback = f.schema.default
      return (
        <select {...control} class="input" value={typed} onChange={(e) => onChange(e.currentTarget.value)}>
          {!f.required && <option value="">{fallback === undefined ? 'Not set' : `${String(fallback)}, unless chosen`}</option>}
          {f.required && typed === '' && <option value="">Choose…</option>}
          {f.schema.enum!.map((e) => <option key={String(e)} value={String(e)}>{String(e)}</option>)}
        </select>
      )
    }
    case 'json': return <textarea {...common} {...plain} class="input mono" rows={Math.min(14, Math.max(3, typed.split('\n').length))} />
    case 'long': return <textarea {...common} rows={4} />
    case 'number': return <input {...common} {...plain} type="text" inputmode={f.schema.minimum !== undefined && f.schema.minimum >= 0 ? 'numeric' : 'text'} />
    case 'url': return <input {...common} {...plain} type="url" inputmode="url" />
    case 'secret': return <input {...common} {...plain} type="password" autocomplete="new-password" />
    case 'time': return <input {...common} type="datetime-local" step={1} />
    default: return <input {...common} {...plain} type="text" />
  }
}

/** What the page understood of what was typed, where that is not plain. */
function aside(f: Field, typed: string): string {
  if (f.sort !== 'json' || typed.trim() === '') return readBack(f, typed)
  try {
    const v = jsonOf(typed.trim())
    if (typeof v === 'string') return 'sent as text'
    if (Array.isArray(v)) return 'sent as a JSON list'
    if (isObject(v)) return 'sent as a JSON object'
    return v === null ? 'sent as null' : typeof v === 'boolean' ? 'sent as a boolean' : v instanceof Exact || typeof v === 'number' ? 'sent as a number' : ''
  } catch {
    return 'not complete yet'
  }
}
