// What was typed survives a reload and a lost session, for as long as the tab
// is open. Fields meant for secrets are not written down, nor JSON that names one.

import { empty, type Entry, type Form } from './entry.ts'
import type { Field } from './fields.ts'

const key = (kind: string) => `windlass.draft.${kind}`

function secrets(fields: Field[]): string[] {
  return fields.flatMap((f) => (f.sort === 'group' ? secrets(f.fields) : f.sort === 'secret' ? [f.path] : []))
}

/** What was typed for a kind before, if anything. */
export function recall(form: Form): Entry {
  try {
    const text = sessionStorage.getItem(key(form.kind.name))
    return text ? { ...empty, ...(JSON.parse(text) as Entry) } : empty
  } catch {
    // No storage, or something else wrote there: start empty.
    return empty
  }
}

/** Keeps what is typed. */
export function keepEntry(form: Form, e: Entry): void {
  const hidden = new Set(secrets(form.input))
  const raw = [...hidden].some((path) => e.raw?.includes(`"${path.split('.').at(-1)}"`)) ? undefined : e.raw
  const draft = Object.fromEntries(Object.entries(e.draft).filter(([path]) => !hidden.has(path)))
  try {
    sessionStorage.setItem(key(form.kind.name), JSON.stringify({ ...e, raw, draft }))
  } catch {
    // Full or forbidden: then it lives as long as the page.
  }
}

/** Forgets what was typed, once it was handed in. */
export function forgetEntry(form: Form): void {
  try {
    sessionStorage.removeItem(key(form.kind.name))
  } catch {
    // As above.
  }
}
