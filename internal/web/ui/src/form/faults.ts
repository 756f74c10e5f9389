// The API's faults, each beside the field that it is about.

import type { Field } from './fields.ts'
import type { Fault } from '../wire.ts'
import type { Faults } from './draft.ts'

/** Every path of the fields, those of groups included. */
export function paths(fields: Field[]): string[] {
  return fields.flatMap((f) => (f.sort === 'group' ? [f.path, ...paths(f.fields)] : [f.path]))
}

/** Sorts faults to fields by location. rest holds those that no field can show. */
export function sortFaults(faults: Fault[], known: string[]): { byPath: Faults; rest: string[] } {
  const byPath: Faults = {}
  const rest: string[] = []
  for (const fault of faults) {
    const path = home(fault, known)
    if (path === undefined) {
      const where = (fault.location ?? '').replace(/^body\.?/, '')
      rest.push(where ? `${where} ${fault.message}` : fault.message)
    } else {
      byPath[path] = byPath[path] ? `${byPath[path]}; ${fault.message}` : fault.message
    }
  }
  return { byPath, rest }
}

function home(fault: Fault, known: string[]): string | undefined {
  const location = (fault.location ?? '').replace(/^body\.?/, '')
  // A missing field is a fault of the object around it; the sentence names it.
  const missing = /^expected required property (\S+) to be present/.exec(fault.message)?.[1]
  if (missing) {
    const path = location ? `${location}.${missing}` : missing
    if (known.includes(path)) return path
  }
  return known
    .filter((p) => location === p || location.startsWith(`${p}.`) || location.startsWith(`${p}[`))
    .sort((a, b) => b.length - a.length)[0]
}
