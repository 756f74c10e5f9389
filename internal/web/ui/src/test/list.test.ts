import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromQuery } from '../filter.ts'
import { change, first, none, older, refresh, removed, without } from '../list.ts'
import { make } from './make.ts'

const all = fromQuery(new URLSearchParams())
const now = Date.UTC(2026, 10, 23, 13)
const row = (id: string, part = {}) => make({ id, ...part })
const ids = (r: { items: { id: string }[] }) => r.items.map((t) => t.id).join()

test('a known row changes in place, and never back to an older version', () => {
  const rows = first({ items: [row('c'), row('b', { version: 5 })], next_cursor: null })
  const next = change(rows, row('b', { version: 6, state: 'active' }), all, now)
  assert.equal(ids(next), 'c,b')
  assert.equal(next.items[1]!.state, 'active')
  assert.equal(change(next, row('b', { version: 5 }), all, now), next)
})

test('a new row waits behind a count', () => {
  const rows = first({ items: [row('b')], next_cursor: null })
  const once = change(rows, row('c'), all, now)
  assert.equal(ids(once), 'b')
  assert.equal(once.fresh.size, 1)
  assert.equal(change(once, row('c', { version: 2 }), all, now).fresh.size, 1)
})

test('a row that no longer belongs is not counted', () => {
  const active = fromQuery(new URLSearchParams('state=active'))
  const rows = change(first({ items: [row('a', { state: 'active' })], next_cursor: null }), row('b', { state: 'active' }), active, now)
  assert.equal(rows.fresh.size, 1)
  assert.equal(change(rows, row('b', { state: 'succeeded', version: 2 }), active, now).fresh.size, 0)
})

test('what lies below the loaded rows is older, not new', () => {
  const rows = first({ items: [row('c'), row('b')], next_cursor: 'more' })
  assert.equal(change(rows, row('a'), all, now).fresh.size, 0)
})

test('an empty list shows a new row at once', () => {
  assert.equal(ids(change(none, row('a'), all, now)), 'a')
})

test('catching up renews rows and counts the rest', () => {
  const rows = older(first({ items: [row('c')], next_cursor: 'x' }), { items: [row('c'), row('b'), row('a')], next_cursor: null })
  assert.equal(ids(rows), 'c,b,a')
  const next = refresh(rows, { items: [row('d'), row('c', { version: 2, state: 'failed' })], next_cursor: null }, all, now)
  assert.equal(ids(next), 'c,b,a')
  assert.equal(next.items[0]!.state, 'failed')
  assert.deepEqual([...next.fresh], ['d'])
})

test('a deleted row goes', () => {
  assert.equal(ids(without(first({ items: [row('b'), row('a')], next_cursor: null }), 'b')), 'a')
})

test('a row deleted elsewhere stays in its place and is marked', () => {
  const rows = removed(change(first({ items: [row('b'), row('a')], next_cursor: null }), row('c'), all, now), 'b')
  assert.equal(ids(rows), 'b,a')
  assert.deepEqual([...rows.gone], ['b'])
  assert.equal(removed(rows, 'c').fresh.size, 0)
})
