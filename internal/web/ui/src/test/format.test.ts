import assert from 'node:assert/strict'
import { test } from 'node:test'
import { age, bytes, coarse, count, duration, friendly, full, label, moment, plural, shellQuote, span } from '../format.ts'

test('counts carry separators and their noun', () => {
  assert.equal(count(48209), '48,209')
  assert.equal(plural(1, 'page'), '1 page')
  assert.equal(plural(4180, 'link'), '4,180 links')
})

test('lengths of time', () => {
  assert.deepEqual([184.4, 4100, 9949, 9960, 42_000, 59_600, 125_000, 4_800_000, 187_200_000].map(span),
    ['184 ms', '4.1 s', '9.9 s', '10 s', '42 s', '1 min', '2 min 5 s', '1 h 20 min', '2 d 4 h'])
  assert.equal(span(0.4), 'under 1 ms')
  assert.deepEqual([0, 59.4, 60, 86400].map(coarse), ['0 s', '59 s', '1 min', '1 d'])
  assert.deepEqual([-5, 999, 36_000, 200_000, 90_000_000, 400_000_000].map(age), ['0 s', '0 s', '36 s', '3 min', '25 h', '4 d'])
})

test('durations in Go’s notation', () => {
  assert.deepEqual(['1m30s', '50ms', '1.5h', '0', '0s', '2h45m', '1h0m0s', '20.1ms'].map(duration), [90_000, 50, 5_400_000, 0, 0, 9_900_000, 3_600_000, 20.1])
  for (const no of ['', '30', 's', '1 m', '1d', 'm1', '1m-2s']) assert.equal(duration(no), undefined, no)
  assert.equal(friendly('16m0s'), '16 min')
  assert.equal(friendly('1.25s'), '1.3 s')
  assert.equal(friendly('soon'), 'soon')
})

test('moments say only what is needed', () => {
  const now = Date.UTC(2026, 10, 23, 14, 31, 7, 114)
  assert.equal(moment(now + 60e3, now, 'utc'), '14:32:07')
  assert.equal(moment(Date.UTC(2026, 10, 24, 6), now, 'utc'), 'tomorrow 06:00')
  assert.equal(moment(Date.UTC(2026, 10, 22, 6), now, 'utc'), 'yesterday 06:00')
  assert.equal(moment(Date.UTC(2026, 11, 3, 6), now, 'utc'), '3 Dec 06:00')
  assert.equal(moment(Date.UTC(2025, 0, 3, 6), now, 'utc'), '3 Jan 2025 06:00')
  assert.equal(full(now, 'utc'), 'Mon 23 Nov 2026, 14:31:07.114 UTC')
})

test('names become labels', () => {
  assert.deepEqual(['max_pages', 'url', 'callback_url', 'json'].map(label), ['Max pages', 'URL', 'Callback URL', 'JSON'])
})

test('sizes', () => {
  assert.deepEqual([0, 512, 4300, 65536, 2097152].map(bytes), ['0 B', '512 B', '4.2 KB', '64 KB', '2.0 MB'])
})

test('a shell reads a quoted text as one word', () => {
  assert.equal(shellQuote('http://127.0.0.1:8000/x'), 'http://127.0.0.1:8000/x')
  assert.equal(shellQuote(`it's $HOME`), `'it'\\''s $HOME'`)
  assert.equal(shellQuote(''), `''`)
})
