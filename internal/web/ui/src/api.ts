// The one way to the API: every request goes through call, every fault comes
// back as a Problem.

import { hear } from './clock.ts'
import { parse, type Json } from './json.ts'
import { link } from './link.ts'
import type { Entry, Fault, Kind, Logs, MadeToken, OpenSession, Page, PutSecret, Queue, Secret, Session, Stats, System, Task, TaskLink, Token, Worker } from './wire.ts'

/** A fault as RFC 9457 tells it, or the loss of the connection (status 0). */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly faults: Fault[]
  readonly instance: string
  constructor(status: number, body: Partial<Record<string, unknown>> = {}) {
    const title = text(body.title) || (status === 0 ? 'No connection' : `Error ${status}`)
    super(text(body.detail) || title)
    this.status = status
    this.title = title
    this.code = text(body.code)
    this.instance = text(body.instance)
    this.faults = Array.isArray(body.errors)
      ? body.errors.filter((e): e is Fault => typeof e?.message === 'string')
      : []
  }
}

const text = (v: unknown) => (typeof v === 'string' ? v : '')

/** What an unexpected error is to the reader. */
export function problemOf(err: unknown): Problem {
  if (err instanceof Problem) return err
  return new Problem(0, { title: 'This page failed', detail: err instanceof Error ? err.message : String(err) })
}

type Listener = () => void
const signedOut = new Set<Listener>()

/** Calls f whenever an answer says that the session is over. */
export function onSignedOut(f: Listener): () => void {
  signedOut.add(f)
  return () => { signedOut.delete(f) }
}

interface Options { method?: string; body?: string; signal?: AbortSignal; headers?: Record<string, string> }

/** The status and headers of an answer with its body. */
export interface Answer<T> { status: number; headers: Headers; body: T }

/** Asks path under /api/v1. Numbers in the answer that JavaScript would change arrive as Exact. Throws Problem. */
export async function call<T>(path: string, options: Options = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: 'application/json', ...options.headers }
  if (link.value) headers.Authorization = `Bearer ${link.value}`
  if (options.body !== undefined) headers['Content-Type'] = 'application/json'
  let response: Response
  let body: string
  try {
    response = await fetch('/api/v1' + path, { method: options.method ?? 'GET', headers, body: options.body, signal: options.signal })
    body = await response.text()
  } catch (err) {
    if (options.signal?.aborted) throw err
    throw new Problem(0, { detail: 'The server cannot be reached. What you typed is kept; try again in a moment.' })
  }
  hear(response.headers.get('Date'))
  if (!response.ok) {
    if (response.status === 401 && path !== '/session') for (const f of signedOut) f()
    throw new Problem(response.status, problemBody(body))
  }
  return { status: response.status, headers: response.headers, body: (body === '' ? null : read(body)) as T }
}

function read(body: string): Json {
  try {
    return parse(body)
  } catch {
    // Nested deeper than the exact parser goes: better rounded numbers than nothing.
    return JSON.parse(body) as Json
  }
}

function problemBody(body: string): Partial<Record<string, unknown>> {
  try {
    const v: unknown = JSON.parse(body)
    return typeof v === 'object' && v !== null ? (v as Record<string, unknown>) : {}
  } catch {
    // A proxy's own page, for example.
    return {}
  }
}

const get = async <T>(path: string, signal?: AbortSignal): Promise<T> => (await call<T>(path, { signal })).body
const post = async <T>(path: string): Promise<T> => (await call<T>(path, { method: 'POST' })).body
const secret = (name: string) => `/secrets/${encodeURIComponent(name)}`
const send = async <T>(path: string, body: object): Promise<T> => (await call<T>(path, { method: 'POST', body: JSON.stringify(body) })).body
const one = (id: string) => `/tasks/${encodeURIComponent(id)}`

export const api = {
  session: () => get<Session>('/session'),
  signIn: (token: string) => call<null>('/session', { method: 'POST', body: JSON.stringify({ token }) }),
  signOut: () => call<null>('/session', { method: 'DELETE' }),

  tasks: (query: URLSearchParams, signal?: AbortSignal) => get<Page>(`/tasks?${query}`, signal),
  task: (id: string, signal?: AbortSignal) => get<Task>(one(id), signal),
  /** Hands in a task; body is the request's JSON text. The same key again gives the same task. fresh asks for a new run. */
  submit: (body: string, key: string, fresh: boolean) => call<Task>('/tasks', {
    method: 'POST', body, headers: { 'Idempotency-Key': `"${key}"`, ...(fresh ? { 'Cache-Control': 'no-cache' } : {}) },
  }),
  cancel: (id: string) => post<Task>(`${one(id)}/cancel`),
  retry: (id: string) => post<Task>(`${one(id)}/retry`),
  remove: (id: string) => call<null>(one(id), { method: 'DELETE' }),
  logs: (id: string, after: number, signal?: AbortSignal) => get<Logs>(`${one(id)}/logs?after=${after}&limit=1000`, signal),
  csv: (id: string) => `/api/v1${one(id)}/result?format=csv${link.value ? `&link=${link.value}` : ''}`,
  share: (id: string, life: string) => send<TaskLink>(`${one(id)}/links`, { expires_in: life }),

  tokens: (signal?: AbortSignal) => get<{ items: Token[] }>('/tokens', signal),
  createToken: (token: { name: string; role: string; expires_in: string; kinds?: string[]; queues?: string[] }) => send<MadeToken>('/tokens', token),
  revokeToken: (id: string) => call<null>(`/tokens/${encodeURIComponent(id)}`, { method: 'DELETE' }),
  sessions: (all: boolean, signal?: AbortSignal) => get<{ items: OpenSession[] }>(`/sessions${all ? '?all=true' : ''}`, signal),
  endSession: (id: string) => call<null>(`/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' }),

  audit: (query: URLSearchParams, signal?: AbortSignal) => get<{ items: Entry[]; next_cursor: string | null }>(`/audit?${query}`, signal),

  kinds: () => get<{ items: Kind[] }>('/kinds'),
  queues: (signal?: AbortSignal) => get<{ items: Queue[] }>('/queues', signal),
  workers: (signal?: AbortSignal) => get<{ items: Worker[] }>('/workers', signal),
  secrets: (signal?: AbortSignal) => get<{ items: Secret[] }>('/secrets', signal),
  putSecret: (name: string, body: PutSecret) => call<Secret>(secret(name), { method: 'PUT', body: JSON.stringify(body) }),
  removeSecret: (name: string) => call<null>(secret(name), { method: 'DELETE' }),
  stats: (signal?: AbortSignal) => get<Stats>('/stats', signal),
  system: (signal?: AbortSignal) => get<System>('/system', signal),
}
