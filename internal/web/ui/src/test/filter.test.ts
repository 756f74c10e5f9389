import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bound, countable, fromQuery, matches, toAddress, toApi } from '../filter.ts'

const read = (q: string) => fromQuery(new URLSearchParams(q))
const now = Date.UTC(2026, 10, 23, 12)

test('the address keeps the whole filter', () => {
  const f = read('state=failed,active&kind=http.request&queue=default,low&tag=order%3A1182&tag=a%2Cb&since=24h&before=2026-11-23T00:00:00.000Z')
  assert.deepEqual(f, { states: ['failed', 'active'], kinds: ['http.request'], queues: ['default', 'low'], tags: ['order:1182', 'a,b'], since: '24h', before: '2026-11-23T00:00:00.000Z' })
  assert.deepEqual(fromQuery(new URL(toAddress(f), 'http://x').searchParams), f)
  assert.equal(toAddress(read('')), '/tasks')
})

test('unknown states are left out', () => {
  assert.deepEqual(read('state=failed,nonsense').states, ['failed'])
})

test('spans become times for the API', () => {
  assert.equal(toApi(read('since=24h'), now).get('after'), '2026-11-22T12:00:00.000Z')
  assert.equal(toApi(read('since=2026-11-01T00:00:00Z'), now).get('after'), '2026-11-01T00:00:00.000Z')
  assert.equal(toApi(read('since=whenever'), now).get('after'), null)
  assert.equal(bound('30m', now), now - 1_800_000)
})

test('only kind, queue and state can be counted', () => {
  assert.ok(countable(read('kind=a&queue=b&state=failed')))
  assert.ok(!countable(read('tag=a')))
  assert.ok(!countable(read('since=1h')))
})

test('a task belongs where every part of the filter fits', () => {
  const t = { state: 'failed' as const, kind: 'http.request', queue: 'default', tags: ['a', 'b'], created_at: '2026-11-23T11:00:00Z' }
  for (const yes of ['', 'state=active,failed', 'tag=a&tag=b', 'since=2h', 'before=2026-11-23T11:00:01Z', 'kind=site.audit,http.request&queue=default']) assert.ok(matches(read(yes), t, now), yes)
  for (const no of ['state=active', 'tag=a&tag=c', 'since=30m', 'before=2026-11-23T11:00:00Z', 'queue=low']) assert.ok(!matches(read(no), t, now), no)
})
