import assert from 'node:assert/strict'
import { test } from 'node:test'
import { build, fill, jsonOf, type Draft } from '../form/draft.ts'
import { entryOf, entryWith, empty, formOf, request, toFields, toRaw } from '../form/entry.ts'
import { paths, sortFaults } from '../form/faults.ts'
import { fieldsOf, limits, overLimit } from '../form/fields.ts'
import { parse, stringify, type JsonObject } from '../json.ts'
import type { Kind, Schema } from '../wire.ts'
import { make } from './make.ts'

const schema: Schema = {
  type: 'object',
  required: ['url', 'message'],
  'x-order': ['method', 'url', 'headers', 'message', 'tries', 'success', 'follow', 'nested'],
  properties: {
    url: { type: 'string', format: 'uri', maxLength: 20, examples: ['https://example.com/'] },
    method: { type: 'string', enum: ['GET', 'POST'], default: 'GET' },
    headers: { type: 'object', additionalProperties: { type: 'string' } },
    message: { description: 'Any JSON.' },
    tries: { type: ['integer', 'null'], minimum: 1, maximum: 5000, default: 100 },
    success: { type: ['array', 'null'], items: { type: 'string' }, maxItems: 32 },
    follow: { type: 'boolean', default: true },
    nested: { type: 'object', properties: { wait: { type: 'string', format: 'go-duration' }, at: { type: 'string', format: 'date-time' } } },
  },
}
const fields = fieldsOf(schema, 'input')
const text = (draft: Draft) => stringify(build(fields, { 'input.url': 'u', 'input.message': 'm', ...draft }).value)
const kind: Kind = { name: 'k', title: 'K', description: '', queue: 'default', policy: { max_attempts: 3, timeout: '1m0s' }, example: { url: 'https://example.com/', message: 'hi' }, input_schema: schema, csv: false }
const form = formOf(kind)

test('a schema becomes fields: required first, else in its own order', () => {
  assert.deepEqual(fields.map((f) => `${f.name}:${f.sort}`), ['url:url', 'message:json', 'method:choice', 'headers:map', 'tries:number', 'success:list', 'follow:bool', 'nested:group'])
  assert.deepEqual(fields[7]!.fields.map((f) => `${f.path}:${f.sort}`), ['input.nested.wait:duration', 'input.nested.at:time'])
  assert.equal(fields[0]!.placeholder, 'https://example.com/')
})

test('limits are told', () => {
  assert.equal(limits(fields[4]!), '1 to 5,000; 100 when left empty')
  assert.equal(overLimit(fields[4]!, '9000'), 'must be 1 to 5,000')
  assert.equal(overLimit(fields[0]!, 'https://example.com/far/too/long'), '32 characters; 20 are allowed')
  assert.equal(overLimit(fields[4]!, '12'), '')
})

test('what is left empty is left out; what is needed is said', () => {
  assert.equal(text({}), '{"url":"u","message":"m"}')
  assert.deepEqual(build(fields, {}).faults, { 'input.url': 'is needed', 'input.message': 'is needed' })
})

test('typed values become JSON, numbers exact', () => {
  assert.equal(text({ 'input.tries': '9,007,199,254,740,993' }), '{"url":"u","message":"m","tries":9007199254740993}')
  assert.equal(text({ 'input.success': ['204', ''], 'input.headers': [['A', '1'], ['', '']], 'input.follow': false }), '{"url":"u","message":"m","headers":{"A":"1"},"success":["204"],"follow":false}')
  assert.equal(text({ 'input.nested.wait': ' 5s ' }), '{"url":"u","message":"m","nested":{"wait":"5s"}}')
  assert.deepEqual(build(fields, { 'input.tries': '1.5', 'input.headers': [['', 'x']] }).faults, { 'input.url': 'is needed', 'input.message': 'is needed', 'input.tries': 'must be a whole number', 'input.headers': 'has a value without a name' })
})

test('any JSON can be typed as plain words', () => {
  assert.equal(jsonOf('hello there'), 'hello there')
  assert.equal(stringify(jsonOf('12.0')), '12.0')
  assert.equal(stringify(jsonOf('{"a": 1}')), '{"a":1}')
  assert.equal(jsonOf('"12"'), '12')
  assert.throws(() => jsonOf('{"a": 1'), /is not valid JSON/)
})

test('an input fills the form and comes out the same', () => {
  for (const input of ['{"url":"u","message":{"n":9007199254740993}}', '{"url":"u","message":"12","method":"POST","headers":{"A":"1"},"tries":7,"success":["1"],"follow":false}', '{"url":"u","message":null}', '{"url":"u","message":"{"}']) {
    const draft = fill(fields, parse(input))
    assert.ok(draft, input)
    assert.deepEqual(parse(stringify(build(fields, draft).value)), parse(input), input)
  }
})

test('an input that the fields cannot show stays JSON', () => {
  assert.equal(fill(fields, parse('{"url":"u","unknown":1}')), undefined)
  assert.equal(fill(fields, parse('{"url":7}')), undefined)
  assert.equal(entryWith(form, parse('{"url":7}')).raw, '{\n  "url": 7\n}')
})

test('form and JSON carry the same input', () => {
  const e = { ...empty, draft: { 'input.url': 'u', 'input.message': 'hi', queue: 'low' } }
  const raw = { ...e, raw: toRaw(form, e) }
  assert.deepEqual(request(form, raw).body, request(form, e).body)
  const back = toFields(form, raw)
  assert.ok(typeof back !== 'string')
  assert.deepEqual(back.draft, e.draft)
  assert.match(toFields(form, { ...e, raw: '{"x":1}' }) as string, /no field/)
  assert.match(toFields(form, { ...e, raw: '{' }) as string, /not valid JSON/)
})

test('the request carries the options that were set, and only the chosen start', () => {
  const draft: Draft = { 'input.url': 'u', 'input.message': 'm', delay: '5m', run_at: '2026-11-23T12:00', queue: 'low', tags: ['a', ''], 'policy.max_attempts': '5' }
  const body = request(form, { ...empty, draft, start: 'delay' }).body
  assert.equal(stringify(body), '{"kind":"k","input":{"url":"u","message":"m"},"queue":"low","tags":["a"],"policy":{"max_attempts":5},"delay":"5m"}')
  assert.equal('delay' in request(form, { ...empty, draft }).body, false)
  assert.deepEqual(request(form, { ...empty, draft: { 'input.url': 'u', 'input.message': 'm' }, start: 'at' }).faults, { run_at: 'is needed' })
})

test('running again fills in what differs from the kind, and asks for secrets that were cut out', () => {
  const t = make({ kind: 'k', queue: 'low', tags: ['a'], policy: { max_attempts: 9, timeout: '1m0s' }, input: parse('{"url":"u","message":"m","headers":{"Authorization":"[redacted]"}}') })
  const e = entryOf(form, t)
  assert.equal(e.fresh, true)
  assert.deepEqual({ ...e.draft }, { 'input.url': 'u', 'input.message': 'm', 'input.headers': [['Authorization', '[redacted]']], queue: 'low', tags: ['a'], 'policy.max_attempts': '9' })
  assert.deepEqual(Object.keys(request(form, e).faults), ['input.headers'])
})

test('the API’s faults find their fields', () => {
  const known = [...paths(form.input), 'input', ...paths(form.options)]
  const { byPath, rest } = sortFaults([
    { location: 'body.input', message: 'expected required property url to be present' },
    { location: 'body.input.success[0]', message: 'must be a status' },
    { location: 'body.input.headers.Accept', message: 'must be short' },
    { location: 'body.policy.max_attempts', message: 'must be from 1 to 1000' },
    { location: 'body.surprise', message: 'unexpected property' },
    { message: 'all is lost' },
  ], known)
  assert.deepEqual(byPath, { 'input.url': 'expected required property url to be present', 'input.success': 'must be a status', 'input.headers': 'must be short', 'policy.max_attempts': 'must be from 1 to 1000' })
  assert.deepEqual(rest, ['surprise unexpected property', 'all is lost'])
})

test('objects never carry a prototype', () => {
  const built = build(fieldsOf({ properties: { m: { type: 'object', additionalProperties: { type: 'string' } } } }, ''), { m: [['__proto__', 'x']] }).value as JsonObject
  assert.equal(stringify(built), '{"m":{"__proto__":"x"}}')
})
