// JSON whose numbers stay as they were written. The browser's own parser turns
// 9007199254740993 into …992 and 1.0 into 1; what a person hands in and gets
// back must not change on the way to the screen.

/** A number that JavaScript would not write back the same way, kept as its token. */
export class Exact {
  readonly raw: string
  constructor(raw: string) { this.raw = raw }
  toString(): string { return this.raw }
}

export type Json = null | boolean | number | string | Exact | Json[] | JsonObject
export interface JsonObject { [key: string]: Json }

/** Where and why a text is not JSON. line and column count from 1. */
export class JsonError extends Error {
  readonly line: number
  readonly column: number
  constructor(text: string, at: number, what: string) {
    const before = text.slice(0, at)
    const line = before.split('\n').length
    const column = at - before.lastIndexOf('\n')
    super(`${what} at line ${line}, column ${column}`)
    this.line = line
    this.column = column
  }
}

const deepest = 500
const space = /[ \t\n\r]*/y
const numeral = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
// A string without escapes or control characters is the common case: one match, no copying.
const plain = /"[^"\\\u0000-\u001f]*"/y
const quoted = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y

/** Reads JSON text (RFC 8259). Throws JsonError. Objects have no prototype. */
export function parse(text: string): Json {
  let at = 0

  const fail = (what: string, where = at): never => { throw new JsonError(text, where, what) }
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) at += found.length
    return found
  }
  const skip = () => { match(space) }
  const word = <T extends Json>(literal: string, value: T): T => {
    if (!text.startsWith(literal, at)) fail('Unexpected character')
    at += literal.length
    return value
  }

  function string(): string {
    const simple = match(plain)
    if (simple !== undefined) return simple.slice(1, -1)
    const found = match(quoted)
    if (found === undefined) return fail('Text without its closing quote or with a bad escape')
    return JSON.parse(found) as string
  }

  function array(depth: number): Json[] {
    const items: Json[] = []
    at++
    skip()
    if (text[at] === ']') { at++; return items }
    for (;;) {
      items.push(value(depth + 1))
      skip()
      if (text[at] === ']') { at++; return items }
      if (text[at] !== ',') fail(at < text.length ? 'Expected a comma or ]' : 'A list is not closed')
      at++
    }
  }

  function object(depth: number): JsonObject {
    const members = Object.create(null) as JsonObject
    at++
    skip()
    if (text[at] === '}') { at++; return members }
    for (;;) {
      skip()
      if (text[at] !== '"') fail('Expected a name in double quotes')
      const key = string()
      skip()
      if (text[at] !== ':') fail('Expected a colon')
      at++
      members[key] = value(depth + 1)
      skip()
      if (text[at] === '}') { at++; return members }
      if (text[at] !== ',') fail(at < text.length ? 'Expected a comma or }' : 'An object is not closed')
      at++
    }
  }

  function value(depth: number): Json {
    if (depth > deepest) fail('Nested too deeply')
    skip()
    switch (text[at]) {
      case undefined: return fail('The text ends too early')
      case '{': return object(depth)
      case '[': return array(depth)
      case '"': return string()
      case 't': return word('true', true)
      case 'f': return word('false', false)
      case 'n': return word('null', null)
    }
    const token = match(numeral)
    if (token === undefined) return fail('Unexpected character')
    const n = Number(token)
    return String(n) === token ? n : new Exact(token)
  }

  const result = value(0)
  skip()
  if (at < text.length) fail('Unexpected text after the value')
  return result
}

/** Writes JSON. With indent it breaks lines. */
export function stringify(value: Json | undefined, indent = 0): string {
  return write(value ?? null, indent, '\n')
}

function write(value: Json, indent: number, newline: string): string {
  if (value === null || typeof value === 'boolean' || value instanceof Exact) return String(value)
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null'
  if (typeof value === 'string') return JSON.stringify(value)
  const inner = indent > 0 ? newline + ' '.repeat(indent) : ''
  const outer = indent > 0 ? newline : ''
  const gap = indent > 0 ? ' ' : ''
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]'
    return '[' + value.map((v) => inner + write(v, indent, inner)).join(',') + outer + ']'
  }
  const entries = Object.entries(value).filter(([, v]) => v !== undefined)
  if (entries.length === 0) return '{}'
  return '{' + entries.map(([k, v]) => inner + JSON.stringify(k) + ':' + gap + write(v, indent, inner)).join(',') + outer + '}'
}

/** Reports whether v is a JSON object. */
export function isObject(v: unknown): v is JsonObject {
  return typeof v === 'object' && v !== null && !Array.isArray(v) && !(v instanceof Exact)
}
