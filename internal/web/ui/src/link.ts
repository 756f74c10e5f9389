// A link that shows one task to whoever has it. It stands behind the # of the
// task's address, which browsers send to nobody: no log on the way has it.

import { Box } from './box.ts'

/** What the page was opened with, empty when that was no link. */
export const given = typeof location === 'undefined' ? '' : linkIn(location.hash)

/** The link that requests are sent with: the one given, unless somebody is signed in. */
export const link = new Box('')

/** The link that stands in the part of an address behind the #. */
export function linkIn(hash: string): string { return /^#link=([\w.]{1,200})$/.exec(hash)?.[1] ?? '' }
