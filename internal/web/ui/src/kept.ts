// Lists that were looked at, by address, so that the way back finds the same
// rows at the same place. A tab seldom sees more than a few; the oldest go.

import { without, type Rows } from './list.ts'

const most = 20

export const kept = new Map<string, Rows>()

/** Keeps the rows of a list for the way back. */
export function keep(address: string, rows: Rows): void {
  kept.delete(address)
  kept.set(address, rows)
  if (kept.size > most) kept.delete(kept.keys().next().value!)
}

/** Forgets a deleted task in every list that was kept. */
export function forget(id: string): void {
  for (const [address, rows] of kept) kept.set(address, without(rows, id))
}
