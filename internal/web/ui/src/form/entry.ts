// One filled-in form: what was typed, in which way, and the request it means.

import { parse, stringify, isObject, type Json, type JsonObject, type JsonError } from '../json.ts'
import type { Kind, Policy, Task } from '../wire.ts'
import { build, fill, type Draft, type Faults } from './draft.ts'
import { fieldsOf, type Field } from './fields.ts'
import { optionFields, startFields, type Start } from './options.ts'

export interface Entry {
  draft: Draft
  /** The input as JSON text while it is edited so; undefined while the form is. */
  raw: string | undefined
  start: Start
  /** Whether to run even when an earlier result could be served. */
  fresh: boolean
}

export const empty: Entry = { draft: {}, raw: undefined, start: 'now', fresh: false }

/** The fields of a kind's form. */
export interface Form { kind: Kind; input: Field[]; options: Field[] }

export function formOf(kind: Kind): Form {
  return { kind, input: fieldsOf(kind.input_schema, 'input', kind.example), options: optionFields(kind.queue, kind.policy) }
}

/** A form filled in with an input: as fields where they can show all of it, else as JSON. */
export function entryWith(form: Form, input: Json): Entry {
  const draft = fill(form.input, input)
  return draft ? { ...empty, draft } : { ...empty, raw: stringify(input, 2) }
}

/** A form filled in as a task was, to run it again. Values that secrets were cut out of are to be typed anew. */
export function entryOf(form: Form, t: Task): Entry {
  const entry = entryWith(form, t.input ?? {})
  const options: JsonObject = Object.create(null) as JsonObject
  if (t.queue !== form.kind.queue) options.queue = t.queue
  if (t.tags.length) options.tags = t.tags
  if (t.unique) options.unique = t.unique
  const policy = changed(t.policy, form.kind.policy)
  if (policy) options.policy = policy
  return { ...entry, fresh: true, draft: { ...entry.draft, ...fill(form.options, options) } }
}

function changed(own: Policy, kinds: Policy): JsonObject | undefined {
  const entries = Object.entries(own).filter(([k, v]) => v !== kinds[k as keyof Policy])
  return entries.length ? (Object.fromEntries(entries) as JsonObject) : undefined
}

export interface Request { body: JsonObject; faults: Faults }

/** The request that a filled-in form means, and what keeps it from being sent. */
export function request(form: Form, e: Entry): Request {
  const faults: Faults = {}
  const body = Object.create(null) as JsonObject
  body.kind = form.kind.name
  body.input = inputOf(form, e, faults)
  const options = build(form.options, e.draft)
  Object.assign(faults, options.faults)
  Object.assign(body, options.value)
  if (e.start !== 'now') {
    const f = startFields[e.start === 'delay' ? 'delay' : 'run_at']
    const start = build([{ ...f, required: true }], e.draft)
    Object.assign(faults, start.faults)
    Object.assign(body, start.value)
  }
  return { body, faults }
}

function inputOf(form: Form, e: Entry, faults: Faults): Json {
  if (e.raw !== undefined) {
    try {
      return parse(e.raw)
    } catch (err) {
      faults.input = `is not valid JSON: ${(err as JsonError).message}`
      return null
    }
  }
  const built = build(form.input, e.draft)
  Object.assign(faults, built.faults)
  for (const f of form.input) {
    const v = built.value[f.name]
    if (v !== undefined && /\[redacted\]|%5Bredacted%5D/i.test(stringify(v))) faults[f.path] ??= 'still says [redacted]: type the secret again'
  }
  return built.value
}

/** The form's input as JSON text, for editing it so. What cannot be read yet is left out. */
export function toRaw(form: Form, e: Entry): string {
  return stringify(build(form.input, e.draft).value, 2)
}

/** The entry with its JSON put into the fields, or why that would lose something. */
export function toFields(form: Form, e: Entry): Entry | string {
  let value: Json
  try {
    value = parse(e.raw ?? '{}')
  } catch (err) {
    return `is not valid JSON: ${(err as JsonError).message}`
  }
  if (!isObject(value)) return 'must be a JSON object'
  const filled = fill(form.input, value)
  if (!filled) return 'holds something that the form has no field for; it can be sent as it is'
  const options = Object.fromEntries(Object.entries(e.draft).filter(([path]) => !path.startsWith('input.')))
  return { ...e, raw: undefined, draft: { ...options, ...filled } }
}
