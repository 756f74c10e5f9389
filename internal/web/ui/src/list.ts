// The rows of the list and what live changes do to them. Rows that are on the
// screen change in place; rows that would push others down wait behind a count.

import { matches, type Filter } from './filter.ts'
import type { Page, Task } from './wire.ts'

export interface Rows {
  items: Task[]
  /** Where older rows begin; null when there are none. */
  cursor: string | null
  /** Ids of tasks that belong in the list but are not on the screen yet. */
  fresh: ReadonlySet<string>
  /** Ids of rows whose task was deleted while they stood. */
  gone: ReadonlySet<string>
}

export const none: Rows = { items: [], cursor: null, fresh: new Set(), gone: new Set() }

/** The first page, as it came. */
export function first(page: Page): Rows {
  return { items: page.items, cursor: page.next_cursor, fresh: new Set(), gone: new Set() }
}

/** Older rows below those that stand. */
export function older(rows: Rows, page: Page): Rows {
  const known = new Set(rows.items.map((t) => t.id))
  return { ...rows, items: [...rows.items, ...page.items.filter((t) => !known.has(t.id))], cursor: page.next_cursor }
}

/** A task as it is now: replaces its row, or counts as new when it belongs here. */
export function change(rows: Rows, t: Task, f: Filter, now: number): Rows {
  const i = rows.items.findIndex((row) => row.id === t.id)
  if (i >= 0) {
    if (rows.items[i]!.version >= t.version) return rows
    const items = rows.items.slice()
    items[i] = t
    return { ...rows, items }
  }
  const belongs = matches(f, t, now) && reaches(rows, t)
  if (belongs === rows.fresh.has(t.id)) return rows
  const fresh = new Set(rows.fresh)
  if (belongs) fresh.add(t.id)
  else fresh.delete(t.id)
  // Nothing can jump in an empty list.
  if (belongs && rows.items.length === 0 && rows.cursor === null) return { ...rows, items: [t], fresh: new Set() }
  return { ...rows, fresh }
}

/** Whether t would stand among the rows loaded so far (ids order by time): below them it is not new, just older. */
function reaches(rows: Rows, t: Task): boolean {
  const last = rows.items.at(-1)
  return rows.cursor === null || !last || t.id >= last.id
}

/** The first page asked for again while rows stand: what is known changes in place, the rest counts as new. */
export function refresh(rows: Rows, page: Page, f: Filter, now: number): Rows {
  if (rows.items.length === 0) return first(page)
  return page.items.reduce((r, t) => change(r, t, f, now), rows)
}

/** What a deletion elsewhere does: the row stays where it is and says so. */
export function removed(rows: Rows, id: string): Rows {
  const fresh = new Set(rows.fresh)
  fresh.delete(id)
  return { ...rows, fresh, gone: rows.items.some((t) => t.id === id) ? new Set([...rows.gone, id]) : rows.gone }
}

/** The rows without one that the reader deleted. */
export function without(rows: Rows, id: string): Rows {
  const fresh = new Set(rows.fresh)
  fresh.delete(id)
  return { ...rows, items: rows.items.filter((t) => t.id !== id), fresh }
}
