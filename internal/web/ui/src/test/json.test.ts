import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Exact, JsonError, parse, stringify } from '../json.ts'

test('numbers come back as they were written', () => {
  for (const n of ['0', '-0', '1', '1.0', '1e3', '1E400', '9007199254740993', '123456789012345678901234567890', '0.1', '-12.5e-7', '0.30000000000000004']) {
    assert.equal(stringify(parse(n)), n)
    assert.equal(stringify(parse(`{"a":[${n}]}`)), `{"a":[${n}]}`)
  }
  assert.ok(parse('9007199254740993') instanceof Exact)
  assert.equal(parse('9007199254740991'), 9007199254740991)
})

test('everything else reads as the browser reads it', () => {
  for (const text of ['null', 'true', '[]', '{}', ' [1 , "a" ] ', '"\\u00e9\\n\\"\\\\/\\/"', '{"a":{"b":[{}, [], false]},"ä":"𝄞"}', '""']) {
    assert.deepEqual(JSON.parse(stringify(parse(text))), JSON.parse(text))
  }
})

test('names that JavaScript keeps for itself are only names', () => {
  const v = parse('{"__proto__":{"polluted":1},"constructor":2}')
  assert.equal(stringify(v), '{"__proto__":{"polluted":1},"constructor":2}')
  assert.equal(({} as { polluted?: number }).polluted, undefined)
})

test('what is not JSON is refused, with its place', () => {
  for (const text of ['', '{', '[1,]', '{"a":}', '{a:1}', "'a'", '01', '1.', '+1', 'NaN', '"a', '"\n"', '[1] 2', '{"a":1,}', '"\\x"', 'tru']) {
    assert.throws(() => parse(text), JsonError, text)
  }
  assert.throws(() => parse('{\n  "a": 1,\n  "b": oops\n}'), { line: 3, column: 8 })
})

test('a hostile depth is refused instead of overflowing the stack', () => {
  assert.throws(() => parse('['.repeat(100_000)), JsonError)
})

test('indented text reads back to the same value', () => {
  const text = '{"a":[1,{"b":[]},"x"],"c":{}}'
  assert.equal(stringify(parse(stringify(parse(text), 2))), text)
  assert.equal(stringify(parse('{"a":[1]}'), 2), '{\n  "a": [\n    1\n  ]\n}')
})
