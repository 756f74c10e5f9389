// A real Windlass, and the few calls of its API that tests need to set a scene.

import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { kill, launch } from './process.js'

export const root = fileURLToPath(new URL('../../..', import.meta.url))

/** The origins that pages under test may talk to. */
export const origins = new Set()

export class Windlass {
  #args
  #env
  #child
  /** What calls of the API are made with, where the server asks for a token. */
  token = ''
  /** http://127.0.0.1:port; a second start takes the same port again. */
  url = ''
  log = []

  /** Takes flags and variables beside those that every test needs. */
  constructor({ args = [], env = {} } = {}) {
    this.#args = args
    this.#env = env
  }

  async start() {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('WINDLASS_'))
    const listen = this.url ? new URL(this.url).host : '127.0.0.1:0'
    const { child, found, lines } = await launch(
      join(root, 'bin/windlass'),
      ['-listen', listen, '-egress-allow', '127.0.0.0/8', '-log-format', 'json', ...this.#args],
      { env: { ...Object.fromEntries(own), ...this.#env }, from: 'stderr', ready: addressIn },
    )
    this.#child = child
    this.url = found
    this.log = lines
    origins.add(found)
  }

  /** Kills the process at once, as a power cut would. */
  async stop() { await kill(this.#child) }

  /** Lets the process hang with all its connections open, until resume. */
  pause() { process.kill(this.#child.pid, 'SIGSTOP') }
  resume() { process.kill(this.#child.pid, 'SIGCONT') }

  /**
   * Hands in a task. body is an object, or JSON text where numbers must stay exact.
   * With wait, answers the finished task as far as it ends within so many seconds.
   */
  async submit(body, { wait = 0 } = {}) {
    return this.#call('/tasks', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...(wait ? { Prefer: `wait=${wait}` } : {}) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  }

  /** Hands in several and waits for none. */
  async submitAll(items) {
    const answer = await this.#call('/tasks/bulk', {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ items }),
    })
    return answer.items.map((item) => item.task)
  }

  task(id) { return this.#call(`/tasks/${id}`) }
  cancel(id) { return this.#call(`/tasks/${id}/cancel`, { method: 'POST' }) }

  /** The faults that the API finds in a request, as it words them. */
  async faults(body) {
    const response = await fetch(`${this.url}/api/v1/tasks`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
    })
    return (await response.json()).errors
  }

  /** Makes a token and answers it with its text. */
  makeToken(body) {
    return this.#call('/tokens', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  }

  revokeToken(id) { return this.#call(`/tokens/${id}`, { method: 'DELETE' }) }

  async #call(path, options = {}) {
    const headers = { ...options.headers, ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}) }
    const response = await fetch(`${this.url}/api/v1${path}`, { ...options, headers })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`)
    return text === '' ? null : JSON.parse(text)
  }
}

function addressIn(line) {
  try {
    const { msg, address } = JSON.parse(line)
    return msg === 'listening' ? address : undefined
  } catch {
    // Not every line is a log line: the first says where to click.
    return undefined
  }
}
