// What is typed into a form, and the JSON that it means. The draft keeps
// exactly what was typed; only this file turns it into values and back.

import { Exact, JsonError, isObject, parse, stringify, type Json, type JsonObject } from '../json.ts'
import { typesOf, type Field } from './fields.ts'

export type Typed = string | boolean | string[] | [string, string][]
/** Typed values by the path of their field. A missing one was never touched. */
export type Draft = Readonly<Record<string, Typed>>
/** Faults by path, as sentences' ends: "must be a number". */
export type Faults = Record<string, string>

export interface Built { value: JsonObject; faults: Faults }

/** The object that the fields' drafts mean. Fields left empty are left out. */
export function build(fields: Field[], draft: Draft): Built {
  const value = Object.create(null) as JsonObject
  const faults: Faults = {}
  for (const f of fields) {
    if (f.sort === 'group') {
      const inner = build(f.fields, draft)
      Object.assign(faults, inner.faults)
      if (f.required || Object.keys(inner.value).length > 0) value[f.name] = inner.value
      continue
    }
    try {
      const v = valueOf(f, draft[f.path])
      if (v !== undefined) value[f.name] = v
      else if (f.required) faults[f.path] = 'is needed'
    } catch (err) {
      faults[f.path] = (err as Error).message
    }
  }
  return { value, faults }
}

function valueOf(f: Field, typed: Typed | undefined): Json | undefined {
  switch (f.sort) {
    case 'bool': return typed === undefined ? (f.required ? (f.schema.default ?? false) : undefined) : Boolean(typed)
    case 'list': {
      const items = ((typed ?? []) as string[]).filter((s) => s !== '')
      return items.length > 0 || f.required ? items : undefined
    }
    case 'map': {
      const pairs = ((typed ?? []) as [string, string][]).filter(([k, v]) => k !== '' || v !== '')
      if (pairs.some(([k]) => k === '')) throw new Error('has a value without a name')
      if (new Set(pairs.map(([k]) => k)).size < pairs.length) throw new Error('has the same name twice')
      return pairs.length > 0 || f.required ? fromPairs(pairs) : undefined
    }
    default: return scalar(f, (typed ?? '') as string)
  }
}

function fromPairs(pairs: [string, string][]): JsonObject {
  const o = Object.create(null) as JsonObject
  for (const [k, v] of pairs) o[k] = v
  return o
}

function scalar(f: Field, typed: string): Json | undefined {
  const text = f.sort === 'long' || f.sort === 'secret' ? typed : typed.trim()
  if (text === '') return undefined
  switch (f.sort) {
    case 'number': return numberOf(f, text)
    case 'json': return jsonOf(text)
    case 'choice': return f.schema.enum!.find((e) => String(e) === text) ?? text
    case 'time': return timeOf(text)
    default: return text
  }
}

function numberOf(f: Field, text: string): Json {
  const bare = text.replace(/[\s,_]/g, '')
  let v: Json
  try {
    v = parse(bare)
  } catch {
    throw new Error('must be a number')
  }
  if (typeof v !== 'number' && !(v instanceof Exact)) throw new Error('must be a number')
  if (typesOf(f.schema)[0] === 'integer' && /[.eE]/.test(bare)) throw new Error('must be a whole number')
  return v
}

/**
 * Any JSON, typed by a person: what reads as JSON is JSON, other words are text.
 * Only what starts like an object, a list or a quoted text and is none is a fault.
 */
export function jsonOf(text: string): Json {
  try {
    return parse(text)
  } catch (err) {
    if (/^[[{"]/.test(text)) throw new Error(`is not valid JSON: ${lowerFirst((err as JsonError).message)}`)
    return text
  }
}

const lowerFirst = (s: string) => s.charAt(0).toLowerCase() + s.slice(1)

/** A moment typed into a datetime-local field (the reader's zone) or in RFC 3339. */
function timeOf(text: string): string {
  const t = new Date(text)
  if (Number.isNaN(t.getTime())) throw new Error('must be a date and a time')
  return t.toISOString()
}

/**
 * The draft that means value, or undefined when the fields cannot show all of it
 * (an unknown name, another type): then only JSON loses nothing.
 */
export function fill(fields: Field[], value: Json): Draft | undefined {
  if (!isObject(value)) return undefined
  const draft: Record<string, Typed> = {}
  const known = new Map(fields.map((f) => [f.name, f]))
  for (const [name, v] of Object.entries(value)) {
    const f = known.get(name)
    if (!f) return undefined
    if (v === null && f.sort !== 'json') continue
    if (f.sort === 'group') {
      const inner = fill(f.fields, v)
      if (!inner) return undefined
      Object.assign(draft, inner)
      continue
    }
    const typed = typedOf(f, v)
    if (typed === undefined) return undefined
    draft[f.path] = typed
  }
  return draft
}

function typedOf(f: Field, v: Json): Typed | undefined {
  switch (f.sort) {
    case 'bool': return typeof v === 'boolean' ? v : undefined
    case 'list': return Array.isArray(v) && v.every((s) => typeof s === 'string') ? (v as string[]) : undefined
    case 'map':
      return isObject(v) && Object.values(v).every((s) => typeof s === 'string') ? (Object.entries(v) as [string, string][]) : undefined
    case 'number': return typeof v === 'number' || v instanceof Exact ? String(v) : undefined
    case 'choice': return typeof v === 'object' ? undefined : String(v)
    case 'json': return typeJson(v)
    case 'time': return typeof v === 'string' ? localTime(v) : undefined
    default: return typeof v === 'string' ? v : undefined
  }
}

/** Any JSON as a person would type it: words without quotes where they stay the same words. */
function typeJson(v: Json): string {
  if (typeof v !== 'string') return stringify(v, 2)
  try {
    return jsonOf(v) === v && v.trim() === v && v !== '' ? v : stringify(v)
  } catch {
    return stringify(v)
  }
}

/** An RFC 3339 time as a datetime-local field wants it. */
export function localTime(time: string): string {
  const t = new Date(time)
  if (Number.isNaN(t.getTime())) return time
  return new Date(t.getTime() - t.getTimezoneOffset() * 60e3).toISOString().slice(0, 19)
}

/** How many fields of a list hold something that was typed. */
export function touched(fields: Field[], draft: Draft): number {
  return fields.reduce((n, f) => n + (f.sort === 'group' ? touched(f.fields, draft) : isSet(draft[f.path]) ? 1 : 0), 0)
}

function isSet(v: Typed | undefined): boolean {
  if (v === undefined || typeof v === 'boolean') return v !== undefined
  return typeof v === 'string' ? v !== '' : v.some((x) => (Array.isArray(x) ? x.join('') : x) !== '')
}

/** The id of a field's control in the page. */
export function fieldId(path: string): string { return `f-${path.replace(/[^\w-]/g, '-')}` }
