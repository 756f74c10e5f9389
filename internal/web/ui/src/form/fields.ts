// A kind's JSON Schema as the fields of a form.

import { bytes, count, label, span, duration } from '../format.ts'
import { isObject, stringify, type Json } from '../json.ts'
import type { Schema } from '../wire.ts'

export type Sort = 'text' | 'long' | 'url' | 'secret' | 'number' | 'duration' | 'time' | 'bool' | 'choice' | 'list' | 'map' | 'json' | 'group'

export interface Field {
  /** Dotted, as the API names it in its faults without "body.": "input.url". */
  path: string
  name: string
  sort: Sort
  label: string
  /** What it is for, in the schema's words. */
  help: string
  required: boolean
  placeholder: string
  schema: Schema
  /** The fields of a group; empty for every other sort. */
  fields: Field[]
}

/** The fields of an object's schema below path, required ones first, else in the schema's order. */
export function fieldsOf(schema: Schema, path: string, example?: Json): Field[] {
  const properties = schema.properties ?? {}
  const order = schema['x-order'] ?? []
  const names = [...order.filter((n) => n in properties), ...Object.keys(properties).filter((n) => !order.includes(n))]
  const required = new Set(schema.required ?? [])
  const sample = isObject(example) ? example : {}
  return names
    .filter((name) => name !== '$schema')
    .map((name) => fieldOf(name, properties[name]!, path ? `${path}.${name}` : name, required.has(name), sample[name]))
    .sort((a, b) => Number(b.required) - Number(a.required))
}

function fieldOf(name: string, schema: Schema, path: string, required: boolean, example: Json | undefined): Field {
  const sort = sortOf(name, schema)
  return {
    path, name, sort, required, schema,
    label: schema.title || label(name),
    help: schema.description ?? '',
    placeholder: placeholderOf(sort, schema, example),
    fields: sort === 'group' ? fieldsOf(schema, path, example) : [],
  }
}

/** The types that a schema names, without null. Empty when any JSON fits. */
export function typesOf(schema: Schema): string[] {
  const all = schema.type === undefined ? [] : Array.isArray(schema.type) ? schema.type : [schema.type]
  return all.filter((t) => t !== 'null')
}

function sortOf(name: string, schema: Schema): Sort {
  const types = typesOf(schema)
  if (types.length !== 1) return 'json'
  if (schema.enum && types[0] !== 'array') return 'choice'
  switch (types[0]) {
    case 'boolean': return 'bool'
    case 'integer': case 'number': return 'number'
    case 'array': return isText(schema.items) ? 'list' : 'json'
    case 'object':
      if (schema.properties && Object.keys(schema.properties).length > 0) return 'group'
      return typeof schema.additionalProperties === 'object' && isText(schema.additionalProperties) ? 'map' : 'json'
    case 'string': return stringSort(name, schema)
    default: return 'json'
  }
}

function stringSort(name: string, schema: Schema): Sort {
  if (schema.format === 'password' || schema.writeOnly) return 'secret'
  if (schema.format === 'go-duration') return 'duration'
  if (schema.format === 'date-time') return 'time'
  if (schema.format === 'uri' || schema.format === 'url' || /(^|_)url$/.test(name)) return 'url'
  // A text that nothing bounds may have many lines.
  return (schema.maxLength ?? Infinity) > 500 ? 'long' : 'text'
}

const isText = (s: Schema | undefined) => s !== undefined && typesOf(s).join() === 'string'

function placeholderOf(sort: Sort, schema: Schema, example: Json | undefined): string {
  if (sort === 'bool' || sort === 'group' || sort === 'secret') return ''
  const first = [schema.examples?.[0], example, schema.default].find((v) => v !== undefined && v !== null && v !== '')
  if (first === undefined) return ''
  if (typeof first === 'string') return first
  if (sort === 'list' && Array.isArray(first)) return first[0] === undefined ? '' : String(first[0])
  if (sort === 'map') return ''
  return stringify(first)
}

/** The limits of a field in words, told before they are broken. */
export function limits(f: Field): string {
  const s = f.schema
  const parts = [f.sort === 'number' ? range(s) : '', lengths(f.sort, s)]
  if (s.default !== undefined && s.default !== null && !/left out/i.test(f.help) && f.sort !== 'choice' && f.sort !== 'bool') {
    parts.push(`${defaultOf(f)} when left empty`)
  }
  const text = parts.filter(Boolean).join('; ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function defaultOf(f: Field): string {
  const d = f.schema.default!
  if (typeof d === 'number') return /bytes/.test(f.name) ? `${count(d)} (${bytes(d)})` : count(d)
  return typeof d === 'string' ? d : stringify(d)
}

function range(s: Schema): string {
  const low = s.minimum ?? s.exclusiveMinimum
  const high = s.maximum ?? s.exclusiveMaximum
  if (low !== undefined && high !== undefined) return `${count(low)} to ${count(high)}`
  if (low !== undefined) return `${count(low)} or more`
  return high !== undefined ? `up to ${count(high)}` : ''
}

function lengths(sort: Sort, s: Schema): string {
  if (sort === 'list' && s.maxItems !== undefined) {
    const each = s.items?.maxLength
    return `up to ${count(s.maxItems)}${each ? ` of ${count(each)} characters each` : ''}`
  }
  // A short bound on a short text is worth telling; that a URL may have 4,000 characters is not.
  if ((sort === 'text' || sort === 'long') && s.maxLength !== undefined) return `up to ${count(s.maxLength)} characters`
  return ''
}

/** What is wrong with a typed text while it is typed: a broken limit. Empty when nothing is. */
export function overLimit(f: Field, typed: string): string {
  const s = f.schema
  if (typed === '') return ''
  if (s.maxLength !== undefined && [...typed].length > s.maxLength) {
    return `${count([...typed].length)} characters; ${count(s.maxLength)} are allowed`
  }
  if (f.sort !== 'number') return ''
  const n = Number(typed)
  if (Number.isNaN(n)) return ''
  return (s.minimum !== undefined && n < s.minimum) || (s.maximum !== undefined && n > s.maximum) ? `must be ${range(s)}` : ''
}

/** A typed duration read back: "1m30s" is "1 min 30 s". Empty when it says nothing new. */
export function readBack(f: Field, typed: string): string {
  const ms = f.sort === 'duration' && typed ? duration(typed) : undefined
  return ms === undefined ? '' : `= ${span(ms)}`
}
