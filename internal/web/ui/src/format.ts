// Numbers, times and lengths as people read them. Nothing here knows the page.

export type Zone = 'local' | 'utc'

const counts = new Intl.NumberFormat('en-GB')

/** A count with separators: 48,209. */
export function count(n: number): string { return counts.format(n) }

/** A count with its noun: "1 page", "612 pages". */
export function plural(n: number, one: string, many = one + 's'): string {
  return `${count(n)} ${n === 1 ? one : many}`
}

/** Bytes in the units people know: 512 B, 4.2 KB, 1.0 MB (powers of 1024). */
export function bytes(n: number): string {
  if (n < 1024) return `${n} B`
  if (n < 1024 * 1024) return `${(n / 1024).toFixed(n < 10240 ? 1 : 0)} KB`
  return `${(n / 1024 / 1024).toFixed(1)} MB`
}

/** A length of time in milliseconds, exact enough to compare runs: 184 ms, 4.1 s, 2 min 5 s. */
export function span(ms: number): string {
  if (ms < 0) ms = 0
  if (ms < 1) return 'under 1 ms'
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`
  return coarse(Math.round(ms / 1000))
}

/** Whole seconds in at most two units: 42 s, 3 min, 1 h 20 min, 2 d 4 h. */
export function coarse(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  if (s < 60) return `${s} s`
  if (s < 3600) return two(Math.floor(s / 60), 'min', s % 60, 's')
  if (s < 86400) return two(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'min')
  return two(Math.floor(s / 86400), 'd', Math.floor((s % 86400) / 3600), 'h')
}

function two(a: number, unitA: string, b: number, unitB: string): string {
  return b === 0 ? `${a} ${unitA}` : `${a} ${unitA} ${b} ${unitB}`
}

/** An age in one unit, so that it keeps its width: 36 s, 3 min, 2 h, 5 d. */
export function age(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min`
  if (s < 172800) return `${Math.floor(s / 3600)} h`
  return `${Math.floor(s / 86400)} d`
}

const clocks = new Map<string, Intl.DateTimeFormat>()

function formatter(zone: Zone, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options)
  let f = clocks.get(key)
  if (!f) {
    f = new Intl.DateTimeFormat('en-GB', { ...options, hourCycle: 'h23', ...(zone === 'utc' ? { timeZone: 'UTC' } : {}) })
    clocks.set(key, f)
  }
  return f
}

const day = (t: number, zone: Zone) => formatter(zone, { year: 'numeric', month: '2-digit', day: '2-digit' }).format(t)

/** The time of day: 14:31:07. */
export function clock(t: number, zone: Zone): string {
  return formatter(zone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(t)
}

/** The time of day to the millisecond: 14:31:07.114. */
export function fine(t: number, zone: Zone): string {
  return `${clock(t, zone)}.${String(Math.floor(t) % 1000).padStart(3, '0')}`
}

/** A moment as short as its distance allows: 14:31:07, tomorrow 06:00, 3 Dec 06:00. */
export function moment(t: number, now: number, zone: Zone): string {
  const minutes = formatter(zone, { hour: '2-digit', minute: '2-digit' }).format(t)
  if (day(t, zone) === day(now, zone)) return clock(t, zone)
  if (day(t, zone) === day(now + 86400e3, zone)) return `tomorrow ${minutes}`
  if (day(t, zone) === day(now - 86400e3, zone)) return `yesterday ${minutes}`
  const years = Math.abs(t - now) > 300 * 86400e3 ? { year: 'numeric' as const } : {}
  return `${formatter(zone, { day: 'numeric', month: 'short', ...years }).format(t)} ${minutes}`
}

/** A moment in full, with its zone: Mon 23 Nov 2026, 14:31:07.114 UTC. */
export function full(t: number, zone: Zone): string {
  const date = formatter(zone, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }).format(t).replace(',', '')
  if (zone === 'utc') return `${date}, ${fine(t, zone)} UTC`
  const name = formatter(zone, { timeZoneName: 'short' }).formatToParts(t).find((p) => p.type === 'timeZoneName')?.value ?? ''
  return `${date}, ${fine(t, zone)} ${name}`.trim()
}

/** Milliseconds of an RFC 3339 time. */
export function at(time: string): number { return Date.parse(time) }

const units: Record<string, number> = { ns: 1e-6, us: 1e-3, 'µs': 1e-3, 'μs': 1e-3, ms: 1, s: 1e3, m: 60e3, h: 3600e3 }

/** Milliseconds of a duration in Go's notation ("1m30s"), or undefined when it is none. */
export function duration(text: string): number | undefined {
  const trimmed = text.trim()
  if (trimmed === '0') return 0
  if (!/^-?(\d+(\.\d*)?(ns|us|µs|μs|ms|s|m|h))+$/.test(trimmed)) return undefined
  let ms = 0
  for (const [, n, unit] of trimmed.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|μs|ms|s|m|h)/g)) ms += Number(n) * units[unit!]!
  return trimmed.startsWith('-') ? -ms : ms
}

/** A duration in Go's notation as people read it: "1m30s" becomes "1 min 30 s". */
export function friendly(text: string): string {
  const ms = duration(text)
  return ms === undefined ? text : ms > 0 && ms % 1000 === 0 ? coarse(ms / 1000) : span(ms)
}

/** A name from the wire as a label: "max_pages" becomes "Max pages". */
export function label(name: string): string {
  const words = name.replace(/[_.-]+/g, ' ').trim()
  const known: Record<string, string> = { url: 'URL', json: 'JSON', id: 'Id', http: 'HTTP', tls: 'TLS', csv: 'CSV' }
  return words.split(' ').map((w, i) => known[w.toLowerCase()] ?? (i === 0 ? w.charAt(0).toUpperCase() + w.slice(1) : w)).join(' ')
}

/** A state as its word on the screen. */
export function capital(word: string): string { return word.charAt(0).toUpperCase() + word.slice(1) }

/** Quotes a text for a POSIX shell. */
export function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
