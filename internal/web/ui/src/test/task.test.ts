import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curl } from '../curl.ts'
import { at } from '../format.ts'
import { addLine, merge } from '../record.ts'
import { scale } from '../timeline.ts'
import { far, headline, ran, shortId, soon, where } from '../words.ts'
import type { LogLine } from '../wire.ts'
import { make } from './make.ts'

const t0 = '2026-11-23T12:00:00.000Z'
const after = (s: number) => new Date(at(t0) + s * 1000).toISOString()
const attempt = (number: number, from: number, to?: number) => ({ number, worker: 'w', started_at: after(from), ...(to === undefined ? {} : { finished_at: after(to), outcome: 'failed' as const }) })

test('a line says where the task is', () => {
  const now = at(after(10))
  const said = (part: Parameters<typeof make>[0]) => where(make(part), now, 'utc')
  assert.equal(said({ state: 'scheduled', run_at: after(52) }), 'starts in 42 s')
  assert.equal(said({ state: 'retrying', run_at: after(52), error: { code: 'x', message: 'Answered 503.' } }), 'again in 42 s · Answered 503')
  assert.equal(said({ state: 'active', progress: { done: 214, total: 6000, message: 'reads /a' } }), '214 of 6,000 · reads /a')
  assert.equal(said({ state: 'active', cancel_requested: true }), 'asked to stop')
  assert.equal(said({ state: 'pending', waiting: { reason: 'no_worker', message: '' } }), 'no worker serves its queue')
  assert.equal(said({ state: 'succeeded', summary: '200' }), '200')
  assert.equal(said({ state: 'expired', expires_at: after(5) }), 'not started before 12:00:05')
})

test('small words', () => {
  assert.equal(far({ done: 3, total: 0, message: '' }), '3')
  assert.equal(soon(at(t0), at(t0), 'utc'), 'now')
  assert.equal(headline(make({})), 'http.request')
  assert.equal(headline(make({ subject: 'GET x' })), 'GET x')
  assert.equal(shortId('tsk_01k9x4h2m8v3n5p7q9r1s3t5v7_default'), 'tsk_01k9x4…_default')
  assert.equal(ran(make({ attempts: [attempt(1, 1, 3)] }), 0), 2000)
})

test('attempts stand on one scale, waits between them', () => {
  const s = scale(make({ state: 'retrying', run_at: after(60), attempts: [attempt(1, 5, 10), attempt(2, 20, 25)] }), at(after(30)))
  assert.equal(s.from, at(t0))
  assert.equal(s.to, at(after(60)))
  assert.deepEqual(s.lanes.map((l) => [l.number, (l.waitFrom - s.from) / 1000, (l.start - s.from) / 1000, l.end && (l.end - s.from) / 1000]), [[1, 0, 5, 10], [2, 10, 20, 25], [3, 25, 60, undefined]])
})

test('a running attempt ends now; a final task has no next one', () => {
  assert.equal(scale(make({ state: 'active', attempts: [attempt(1, 5)] }), at(after(9))).lanes[0]!.end, at(after(9)))
  assert.equal(scale(make({ state: 'failed', attempts: [attempt(1, 5, 6)] }), at(after(90))).lanes.length, 1)
  assert.equal(scale(make({ state: 'expired' }), at(after(90))).lanes.length, 0)
})

test('clocks that disagree never make a bar of negative length', () => {
  const s = scale(make({ state: 'succeeded', attempts: [attempt(1, -5, -6)] }), at(t0))
  assert.ok(s.to > s.from)
  for (const l of s.lanes) assert.ok(l.start >= l.waitFrom && l.end! >= l.start)
})

test('an event renews a task without losing what it leaves out', () => {
  const whole = make({ version: 3, input: { a: 1 }, attempts: [attempt(1, 1, 2), attempt(2, 3)] })
  const next = merge(whole, make({ version: 4, state: 'failed', attempts: [attempt(2, 3, 4)] }))
  assert.deepEqual(next.input, { a: 1 })
  assert.deepEqual(next.attempts.map((a) => [a.number, a.outcome]), [[1, 'failed'], [2, 'failed']])
  assert.equal(merge(next, make({ version: 2 })), next)
})

test('a task that is retried forgets its result', () => {
  assert.equal(merge(make({ version: 1, state: 'succeeded', result: 1 }), make({ version: 2, state: 'pending' })).result, undefined)
})

test('log lines that come twice count once, and old ones go', () => {
  const l = (seq: number) => ({ seq, at: t0, attempt: 1, level: 'info' as const, message: String(seq) })
  let log: LogLine[] = []
  for (const seq of [1, 2, 2, 1, 3]) log = addLine(log, l(seq))
  assert.deepEqual(log.map((x) => x.seq), [1, 2, 3])
  for (let seq = 4; seq <= 1002; seq++) log = addLine(log, l(seq))
  assert.deepEqual([log.length, log[0]!.seq], [1000, 3])
})

test('the command that hands a task in', () => {
  assert.equal(curl('http://h:1', `{"a":"it's"}`, true), [
    'curl -X POST http://h:1/api/v1/tasks \\', "  -H 'Content-Type: application/json' \\", '  -H "Authorization: Bearer $WINDLASS_TOKEN" \\', `  -d '{"a":"it'\\''s"}'`,
  ].join('\n'))
})
