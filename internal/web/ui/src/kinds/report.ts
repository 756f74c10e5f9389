// The report of a site audit, as lists that can be shown and searched.

import { count } from '../format.ts'
import { isObject } from '../json.ts'
import type { Report } from '../wire.ts'

type Found = Report['mixed_content'][number]

/** Reports whether a result is a report that this page can show: an old record may be shaped otherwise. */
export function isReport(v: unknown): v is Report {
  return isObject(v) && isObject(v.totals) && isObject(v.titles)
    && ['broken', 'redirects', 'mixed_content', 'slow_pages', 'heavy_pages', 'not_checked'].every((k) => Array.isArray(v[k]))
    && Array.isArray(v.titles.missing) && Array.isArray(v.titles.duplicate)
}

/** One line of the report, whatever sort of fault it is of. */
export interface Entry {
  /** A short mark: a status or a word. */
  mark: string
  /** What it is about. */
  subject: string
  /** What is wrong, in a sentence. */
  detail: string
  /** Where it was found, with how many places there are in all. */
  places: string[]
  total: number
  /** How the first of these places names it. */
  text: string
}

export interface Sheet { id: string; name: string; total: number; entries: Entry[]; good: string }

const marks: Record<string, string> = {
  dns: 'DNS', connection_refused: 'Refused', timeout: 'Timeout', tls: 'TLS', tls_expired: 'TLS', tls_wrong_host: 'TLS', tls_untrusted: 'TLS',
  connection_closed: 'Closed', network: 'Network', bad_redirect: 'Redirect', redirect_loop: 'Loop', too_many_redirects: 'Hops',
  bad_url: 'URL', no_anchor: '#id', bad_sitemap: 'Sitemap', robots: 'Robots', address_not_allowed: 'Address', rate_limited: 'Limit',
}

const found = (f: Found): Pick<Entry, 'subject' | 'places' | 'total' | 'text'> => ({ subject: f.target, places: f.found_on, total: f.found_on_total, text: f.text })
const page = (url: string, mark: string, detail: string): Entry => ({ mark, subject: url, detail, places: [], total: 0, text: '' })

/** The report as sheets of entries, one a sort of fault, gravest first. */
export function sheets(r: Report): Sheet[] {
  const t = r.totals
  return [
    { id: 'broken', name: 'Broken', total: t.broken, good: 'Every link and asset that was checked leads somewhere.', entries: r.broken.map((b) => ({ ...found(b), mark: b.status ? String(b.status) : marks[b.code] ?? b.code, detail: b.message })) },
    { id: 'redirects', name: 'Redirects', total: t.redirects, good: 'No link goes over a permanent redirect.', entries: r.redirects.map((x) => ({ ...found(x), mark: String(x.hops[0]?.status ?? ''), detail: x.hops.length === 1 ? `Moved to ${x.final}` : `Leads to ${x.final} over ${x.hops.length} redirects` })) },
    { id: 'mixed', name: 'Mixed content', total: t.mixed_content, good: 'Nothing is loaded over plain http.', entries: r.mixed_content.map((m) => ({ ...found(m), mark: m.kind, detail: 'Loaded over http by a page on https' })) },
    { id: 'titles', name: 'Titles', total: t.titles_missing + t.titles_duplicate, good: 'Every page has a title of its own.', entries: [
      ...r.titles.missing.map((p) => page(p, 'None', 'The page has no title')),
      ...r.titles.duplicate.map((d) => ({ mark: 'Shared', subject: d.title, detail: 'Several pages share this title', places: d.pages, total: d.pages_total, text: '' })),
    ] },
    { id: 'slow', name: 'Slow', total: t.slow_pages, good: 'No page kept the audit waiting.', entries: r.slow_pages.map((p) => page(p.page, p.first_byte, 'until the first byte')) },
    { id: 'heavy', name: 'Heavy', total: t.heavy_pages, good: 'No page has too much HTML.', entries: r.heavy_pages.map((p) => page(p.page, `${(p.bytes / 1024 / 1024).toFixed(1)} MB`, 'of HTML')) },
    { id: 'unchecked', name: 'Not checked', total: t.not_checked, good: 'Everything that was found was checked.', entries: r.not_checked.map((u) => ({ ...found(u), mark: marks[u.code] ?? u.code, detail: u.message })) },
  ]
}

/** The entries that hold a text, in any of their words. */
export function search(entries: Entry[], text: string): Entry[] {
  const wanted = text.trim().toLowerCase()
  if (!wanted) return entries
  return entries.filter((e) => [e.mark, e.subject, e.detail, e.text, ...e.places].some((s) => s.toLowerCase().includes(wanted)))
}

/** A URL without the site's own origin: what is left tells pages apart. */
export function local(url: string, site: string): string {
  try {
    const u = new URL(url)
    return u.origin === new URL(site).origin ? u.pathname + u.search + u.hash : url
  } catch {
    return url
  }
}

/** Why pages were left unread, in a sentence; empty when all were read. */
export function stopped(r: Report): string {
  const unread = r.totals.pages_unread
  const left = unread === 1 ? '1 page was' : `${count(unread)} pages were`
  switch (r.stopped_by) {
    case 'page_limit': return `The page limit was reached: ${left} found but not read.`
    case 'depth': return `${left.charAt(0).toUpperCase()}${left.slice(1)} not read: they lie deeper than asked for.`
    case 'similar_pages': return 'Some pages were not read: too many differ only by their query or repeat their own path.'
    case 'link_limit': return 'The audit stopped looking for more: so many URLs were found.'
    case 'time_limit': return `The attempt’s time was nearly up: ${left} not read.`
    default: return ''
  }
}
