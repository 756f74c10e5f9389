// A made-up API for work on the page: all routes, tasks that move. Not part of the product.
import http from 'node:http'
import fs from 'node:fs'
import path from 'node:path'
const port = Number(process.argv[2] ?? 8000), mode = process.argv[3] ?? 'full'
const dist = new URL('../../dist/', import.meta.url).pathname
const STATES = ['scheduled', 'pending', 'active', 'retrying', 'succeeded', 'failed', 'canceled', 'expired']
const iso = (ms) => new Date(ms).toISOString()
const now = Date.now
let serial = 0
const tasks = new Map(), logs = new Map(), watchers = new Set()
const policy = { max_attempts: 15, min_backoff: '1s', max_backoff: '1h0m0s', timeout: '16m0s', deadline: '24h0m0s' }
function id(at, queue) { serial++; return `tsk_01k${at.toString(32).padStart(10, '0')}${String(serial).padStart(10, '0')}_${queue}` }
function add(t) {
  const at = t.at ?? now(), queue = t.queue ?? 'default'
  const task = { id: id(at, queue), kind: 'http.request', queue, state: 'pending', subject: '', summary: '', attempts: [], attempts_used: 0, max_attempts: 15, policy, tags: [], created_at: iso(at), run_at: iso(at), cancel_requested: false, version: 1, ...t }
  delete task.at; tasks.set(task.id, task); logs.set(task.id, t.logs ?? []); delete task.logs
  return task
}
const att = (number, from, ms, outcome, error) => ({ number, worker: 'ip-10-0-3-17/412', started_at: iso(from), ...(outcome ? { finished_at: iso(from + ms), outcome } : {}), ...(error ? { error } : {}) })
const found = (target, text, on, total = on.length) => ({ target, kind: 'link', page: on[0], text, found_on: on, found_on_total: total })
const H = 'https://docs.harbor.example'
const report = { site: H + '/', stopped_by: 'page_limit', truncated: false,
  totals: { pages: 612, links_checked: 4180, external: 320, broken: 7, redirects: 11, mixed_content: 1, titles_missing: 2, titles_duplicate: 3, slow_pages: 2, heavy_pages: 0, skipped_by_robots: 12, refused_by_egress: 0, not_checked: 14, pages_unread: 88 },
  broken: [
    { ...found(H + '/guides/mooring/knots', 'Knots', Array.from({ length: 14 }, (_, i) => `${H}/guides/mooring/${i}`)), status: 404, code: 'http_status', message: 'Answered 404 Not Found.' },
    { ...found('https://old.pier.example/api', 'API reference', [H + '/reference', H + '/start']), status: 404, code: 'http_status', message: 'Answered 404 Not Found.' },
    { ...found('https://quayy.example/', 'Quay', [H + '/partners']), code: 'dns', message: 'The host’s name has no address.' },
    { ...found(H + '/install#windows', 'On Windows', [H + '/', H + '/a', H + '/b']), code: 'no_anchor', message: 'The page has no element with this id.' },
    { ...found('https://forum.harbor.example/', 'Forum', [H + '/community']), code: 'tls_expired', message: 'The certificate has expired or is not valid yet.' },
    { ...found('https://cdn.pier.example/' + 'a-very-long-path-segment/'.repeat(40), '', [H + '/long/' + 'x'.repeat(300)]), code: 'timeout', message: 'No complete answer within 20s.' },
    { ...found(H + '/old', '', [H + '/changelog'], 64), status: 500, code: 'http_status', message: 'Answered 500 Internal Server Error.' } ],
  redirects: Array.from({ length: 11 }, (_, i) => ({ ...found(`${H}/v1/page-${i}`, `Page ${i}`, [`${H}/toc`]), hops: [{ url: `${H}/v1/page-${i}`, status: 301 }], final: `${H}/v2/page-${i}` })),
  mixed_content: [found('http://img.harbor.example/a.png', '', [H + '/gallery'])],
  titles: { missing: [H + '/a', H + '/b'], duplicate: [{ title: 'Harbor documentation', pages: [H + '/x', H + '/y'], pages_total: 9 }] },
  slow_pages: [{ page: H + '/search', first_byte: '2.41s' }, { page: H + '/api', first_byte: '3.9s' }], heavy_pages: [],
  not_checked: Array.from({ length: 14 }, (_, i) => ({ ...found(`https://social.example/${i}`, 'Follow', [H + '/']), code: 'robots', message: 'Not checked: the site’s robots.txt does not allow it.' })) }
const answer = { status: 200, headers: { 'Content-Type': ['application/json'], Date: ['Mon, 23 Nov 2026 14:00:00 GMT'], 'Set-Cookie': ['[redacted]', '[redacted]'] }, body: '{"status":{"indicator":"none","id":9007199254740993},"components":[{"name":"API","ok":true},{"name":"Web","ok":true}],"ratio":1.0}', body_truncated: false, body_bytes: 131, url: 'https://status.pier.example/v2/summary.json', redirects: [], timing: { dns: '1.2ms', connect: '8.4ms', tls: '20.1ms', first_byte: '120ms', total: '184ms' } }
const POST = { method: 'POST', url: 'https://api.orders.example/hooks/paid', headers: { Authorization: '[redacted]', Accept: 'application/json' }, json: { order: '@BIG@', paid: true, items: [1, 2, 3] } }
const e503 = { code: 'http_status', message: 'The target answered 503 and asked to wait 20 s.' }, eTime = { code: 'timeout', message: 'No answer within 5 s (connected in 12 ms, no first byte).' }
const line = (seq, at, attempt, level, message) => ({ seq, at: iso(at), attempt, level, message })
function seed() {
  const n = now()
  for (let i = 0; i < 140; i++) add({ at: n - 4 * 3600e3 - i * 61e3, started_at: iso(n - 4 * 3600e3 - i * 61e3), finished_at: iso(n - 4 * 3600e3), state: 'succeeded', subject: `GET https://status.pier.example/v2/${i}`, summary: '200 · 184 ms', attempts: [att(1, n - 4 * 3600e3, 184, 'succeeded')], attempts_used: 0, result: answer, input: { method: 'GET', url: `https://status.pier.example/v2/${i}` } })
  add({ at: n - 2 * 3600e3, queue: 'critical', state: 'expired', subject: 'PUT https://cdn.pier.example/purge', expires_at: iso(n - 3600e3), finished_at: iso(n - 3600e3), input: { method: 'PUT', url: 'https://cdn.pier.example/purge' } })
  add({ at: n - 31 * 60e3, kind: 'demo.echo', state: 'canceled', subject: '“hello”', attempts: [att(1, n - 31 * 60e3, 1200, 'canceled')], finished_at: iso(n - 31 * 60e3 + 1200), input: { message: 'hello', sleep: '5s' } })
  add({ at: n - 22 * 60e3, kind: 'site.audit', queue: 'low', state: 'succeeded', subject: H + '/', summary: '7 broken links on 612 pages, page limit reached', tags: ['team:docs', 'nightly'], attempts: [att(1, n - 22 * 60e3, 12000, 'lost', { code: 'worker_lost', message: 'Its worker died or lost contact.' }), att(2, n - 22 * 60e3 + 19000, 36000, 'succeeded')], started_at: iso(n - 22 * 60e3), finished_at: iso(n - 22 * 60e3 + 55000), result: report, input: { url: H + '/', max_pages: 612 }, logs: [line(1, n - 22 * 60e3, 1, 'info', 'robots.txt allows everything but /private'), line(2, n - 22 * 60e3 + 19000, 2, 'info', 'resumed at page 214'), line(3, n - 22 * 60e3 + 54000, 2, 'warn', 'page limit reached')] })
  add({ at: n - 4 * 60e3, state: 'failed', subject: 'POST https://crm.quay.example/contacts', attempts: [att(1, n - 4 * 60e3 + 20, 96, 'failed', { code: 'http_status', message: 'The target answered 404 Not Found; that is not tried again.' })], attempts_used: 1, error: { code: 'http_status', message: 'The target answered 404 Not Found; that is not tried again.' }, finished_at: iso(n - 4 * 60e3 + 116), started_at: iso(n - 4 * 60e3), input: POST, tags: ['order:1182'], logs: [line(1, n - 4 * 60e3, 1, 'info', 'POST https://crm.quay.example/contacts'), line(2, n - 4 * 60e3 + 90, 1, 'error', 'answered 404 Not Found')] })
  add({ at: n - 2 * 60e3, state: 'succeeded', subject: 'GET https://status.pier.example/v2/summary.json', summary: '200 · 184 ms', attempts: [att(1, n - 2 * 60e3, 184, 'succeeded')], started_at: iso(n - 2 * 60e3), finished_at: iso(n - 2 * 60e3 + 184), result: answer, input: { method: 'GET', url: 'https://status.pier.example/v2/summary.json' } })
  add({ at: n - 3600e3, kind: 'site.audit', queue: 'low', state: 'scheduled', subject: 'https://www.harbor.example/', run_at: iso(n + 9 * 3600e3), waiting: { reason: 'scheduled', until: iso(n + 9 * 3600e3), message: 'Its time has not come yet.' }, input: { url: 'https://www.harbor.example/' } })
  add({ at: n - 100e3, queue: 'reports', state: 'pending', subject: 'POST https://api.orders.example/hooks/paid', waiting: { reason: 'no_worker', message: 'No worker serves the queue reports. Start one that does, or hand the task in to another queue.' }, input: POST })
  add({ at: n - 12e3, state: 'pending', subject: 'GET https://' + 'long-host-name.'.repeat(12) + 'example/' + 'p'.repeat(120), waiting: { reason: 'worker_busy', message: 'All 2 workers of the queue default are busy with 20 tasks.' }, input: { url: 'x' }, tags: ['a-tag-that-is-very-long-indeed-and-should-be-cut-at-the-edge-ok', 'b'] })
  add({ at: n - 180e3, state: 'retrying', subject: 'POST https://api.orders.example/hooks/paid', attempts: [att(1, n - 170e3, 4100, 'failed', e503), att(2, n - 140e3, 5000, 'failed', eTime)], attempts_used: 2, max_attempts: 8, started_at: iso(n - 170e3), run_at: iso(n + 42e3), error: eTime, waiting: { reason: 'retry', until: iso(n + 42e3), message: 'Attempt 2 of 8 failed; the next waits longer.' }, input: POST, tags: ['order:1182'], logs: [line(1, n - 170e3, 1, 'info', 'POST https://api.orders.example/hooks/paid'), line(2, n - 166e3, 1, 'warn', 'answered 503, asked to wait 20 s'), line(3, n - 140e3, 2, 'info', 'connected 203.0.113.9:443, TLS 1.3, 12 ms'), line(4, n - 135e3, 2, 'error', 'no first byte within 5 s')] })
  active()
}
function active() {
  const n = now()
  const t = add({ at: n - 36e3, kind: 'site.audit', state: 'active', subject: 'https://www.pier.example/', max_attempts: 3, started_at: iso(n - 35e3), attempts: [att(1, n - 35e3)], progress: { done: 214, total: 600, message: 'https://www.pier.example/guides/1' }, input: { url: 'https://www.pier.example/', max_pages: 600 }, logs: [line(1, n - 35e3, 1, 'info', 'reads https://www.pier.example/')] })
  const timer = setInterval(() => {
    if (t.state !== 'active') return clearInterval(timer)
    t.progress = { done: Math.min(600, t.progress.done + 7), total: 600, message: `https://www.pier.example/guides/${t.progress.done}` }
    t.version++
    log(t, 'info', `read ${t.progress.message}`)
    if (t.progress.done >= 600) { finish(t, 'succeeded', report, '7 broken links on 612 pages') }
    changed(t)
  }, 700)
}
function log(t, level, message) { const l = line(logs.get(t.id).length + 1, now(), t.attempts.at(-1)?.number ?? 1, level, message); logs.get(t.id).push(l); for (const w of watchers) if (w.id === t.id) w.send('log', l, `${t.version}.${l.seq}`) }
function finish(t, state, result, summary, error) {
  Object.assign(t, { state, finished_at: iso(now()), version: t.version + 1, summary: summary ?? '', waiting: undefined, error, cancel_requested: false }); if (result) t.result = result
  const a = t.attempts.at(-1); if (a && !a.outcome) { a.outcome = state; a.finished_at = iso(now()); if (error) a.error = error }
}
const brief = (t) => ({ ...t, input: undefined, result: undefined })
function changed(t) {
  for (const w of watchers) if (!w.id) w.send('task', { ...brief(t), attempts: t.attempts.slice(-1) }, String(now())); else if (w.id === t.id) w.send(['succeeded', 'failed', 'canceled', 'expired'].includes(t.state) ? 'end' : 'task', brief(t), `${t.version}.${logs.get(t.id).length}`)
}
function stats() {
  const by = new Map(), totals = Object.fromEntries(STATES.map((s) => [s, 0]))
  for (const t of tasks.values()) { totals[t.state]++; const k = [t.queue, t.kind, t.state].join(); by.set(k, (by.get(k) ?? 0) + 1) }
  return { at: iso(now()), totals, items: [...by].map(([k, count]) => { const [queue, kind, state] = k.split(','); return { queue, kind, state, count } }) }
}
setInterval(() => { const s = JSON.stringify(stats().totals); if (s !== setInterval.last) { setInterval.last = s; for (const w of watchers) if (!w.id) w.send('counts', stats()) } }, 1000)
const str = (description, more = {}) => ({ type: 'string', description, ...more }), dur = (d, more) => str(d, { format: 'duration', ...more })
const kinds = [
  { name: 'http.request', title: 'HTTP request', description: 'Calls an HTTP endpoint until it succeeds: retries that honour Retry-After and rate limits, Standard Webhooks signatures, and the answer as the result.', queue: 'default', policy, example: { method: 'GET', url: 'https://example.com/' }, csv: false, result_schema: {}, input_schema: { type: 'object', required: ['url'], 'x-order': ['method', 'url', 'headers', 'body', 'json', 'success', 'timeout', 'max_redirects', 'secret', 'cache_for'], properties: { method: str('The request’s method.', { enum: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'], default: 'GET' }), url: str('Where to send it: an absolute http or https URL. A user name and password in it are sent as Basic credentials.', { format: 'uri', maxLength: 4096, examples: ['https://example.com/hooks/orders'] }), headers: { type: 'object', additionalProperties: { type: 'string' }, maxProperties: 64, description: 'Header fields to send, one value a name.' }, body: str('The body as text. Leave it out when json is given.'), json: { description: 'The body as JSON. Leave it out when body is given.' }, success: { type: ['array', 'null'], items: { type: 'string' }, maxItems: 32, description: 'Which statuses mean success, such as 204 or 200-299. Left out: 200-299.', examples: [['200-299', '304']] }, timeout: dur('How long to wait for the whole answer, at most 15m.', { default: '30s' }), max_redirects: { type: 'integer', minimum: 0, maximum: 10, description: 'How many redirects to follow. Left out: none, a redirect is a failure.' }, secret: str('A Standard Webhooks signing secret (whsec_…). With it the request is signed.', { format: 'password', maxLength: 200 }), cache_for: dur('How long the result of a GET may serve the same request again, at most 24h.', { examples: ['10m'] }) } } },
  { name: 'site.audit', title: 'Site audit', description: 'Reads a web site page by page, keeping to its robots.txt, checks every link and asset once, and reports broken links, redirects, mixed content, titles, and slow and heavy pages.', queue: 'default', policy: { ...policy, max_attempts: 3 }, example: { url: 'https://example.com/', max_pages: 100 }, csv: true, result_schema: {}, input_schema: { type: 'object', required: ['url'], 'x-order': ['url', 'max_pages', 'max_depth', 'external', 'pause', 'slow_after', 'heavy_bytes'], properties: { url: str('The page to start from. The audit stays on the host that it leads to.', { format: 'uri', maxLength: 2000, examples: ['https://example.com/'] }), max_pages: { type: 'integer', minimum: 1, maximum: 5000, default: 100, description: 'How many pages are read at most.' }, max_depth: { type: ['integer', 'null'], minimum: 0, maximum: 50, default: 10, description: 'How many links away from the start page pages are still read. 0 reads the start page alone and no sitemap.' }, external: { type: ['boolean', 'null'], default: true, description: 'Whether links to other hosts are checked as well.' }, pause: dur('The pause between two requests to one host, at most 30s.', { default: '50ms' }), slow_after: dur('A page whose first byte takes longer is reported as slow; at most 20s.', { default: '2s' }), heavy_bytes: { type: 'integer', minimum: 1024, maximum: 8388608, default: 2097152, description: 'A page with more bytes of HTML, unpacked, is reported as heavy.' } } } },
  { name: 'demo.echo', title: 'Echo', description: 'Gives back the message it was handed, after a wait and after failing a few times if you like. For trying things out and for measuring.', queue: 'default', policy: { ...policy, max_attempts: 3 }, example: { message: 'Hello', sleep: '5s' }, csv: false, result_schema: {}, input_schema: { type: 'object', required: ['message'], 'x-order': ['message', 'sleep', 'fail_first', 'fail'], properties: { message: { description: 'Any JSON. It comes back as the result’s message.', examples: ['Hello'] }, sleep: dur('How long to wait before answering, at most 1h.', { examples: ['5s'] }), fail_first: { type: 'integer', minimum: 0, maximum: 1000, description: 'How many attempts fail before one succeeds.' }, fail: { type: 'boolean', description: 'Fail on every attempt.' } } } },
]
if (mode === 'full') seed()
let signedIn = mode !== 'signin'
const server = http.createServer(async (req, res) => {
  const u = new URL(req.url, 'http://x'), p = u.pathname
  const json = (status, body, h = {}) => { res.writeHead(status, { 'Content-Type': status >= 400 ? 'application/problem+json' : 'application/json', ...h }); res.end(body === undefined ? '' : JSON.stringify(body)?.replaceAll('"@BIG@"', '9007199254740993')) }
  const problem = (status, title, detail, errors) => json(status, { type: '/problems/x', title, status, detail, instance: 'req_01k9', code: 'x', errors })
  let body = ''; for await (const c of req) body += c
  if (p === '/api/v1/session') {
    if (req.method === 'POST') { if (JSON.parse(body).token !== 'secret') return problem(401, 'Unauthorized', 'This token is not the one of this server.'); signedIn = true; return json(204) }
    if (req.method === 'DELETE') { signedIn = false; return json(204) }
    return json(200, { required: mode === 'signin', signed_in: signedIn, version: '0.1.0-dev', embedded_redis: mode === 'empty' })
  }
  if (p.startsWith('/api/') && !signedIn) return problem(401, 'Unauthorized', 'Sign in first.')
  const m = /^\/api\/v1\/tasks\/([^/]+)(?:\/(\w+))?$/.exec(p), t = m && tasks.get(decodeURIComponent(m[1]))
  if (m && !t && m[1] !== 'bulk') return problem(404, 'Not found', 'There is no task with this id.')
  if (p === '/api/v1/events' || (m && m[2] === 'events')) {
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' }); res.write('retry: 3000\n\n')
    const w = { id: t?.id, send: (event, data, i) => res.write(`${i ? `id: ${i}\n` : ''}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`) }
    watchers.add(w); req.on('close', () => watchers.delete(w)); res.on('close', () => watchers.delete(w)); if (t) w.send('task', brief(t), `${t.version}.${logs.get(t.id).length}`); return
  }
  if (m && !m[2]) { if (req.method === 'DELETE') { tasks.delete(t.id); return json(204) } return json(200, t) }
  if (m?.[2] === 'cancel') { if (t.state === 'active') { t.cancel_requested = true; t.version++; setTimeout(() => { finish(t, 'canceled'); changed(t) }, 1500) } else finish(t, 'canceled'); changed(t); return json(200, t) }
  if (m?.[2] === 'retry') { Object.assign(t, { state: 'pending', version: t.version + 1, finished_at: undefined, error: undefined, waiting: { reason: 'worker_busy', message: 'All workers are busy.' } }); changed(t); return json(200, t) }
  if (m?.[2] === 'logs') { const after = Number(u.searchParams.get('after')); const items = logs.get(t.id).filter((l) => l.seq > after); return json(200, { items, next_after: items.at(-1)?.seq ?? after, dropped: 0 }) }
  if (m?.[2] === 'result') return json(200, t.result)
  if (p === '/api/v1/tasks' && req.method === 'POST') return submit(JSON.parse(body), json, problem)
  if (p === '/api/v1/tasks') {
    const q = u.searchParams, any = (k, v) => !q.get(k) || q.get(k).split(',').includes(v)
    let all = [...tasks.values()].filter((x) => any('state', x.state) && any('kind', x.kind) && any('queue', x.queue) && q.getAll('tag').every((g) => x.tags.includes(g)) && (!q.get('after') || x.created_at >= q.get('after')) && (!q.get('before') || x.created_at < q.get('before'))).sort((a, b) => (a.id < b.id ? 1 : -1))
    if (q.get('cursor')) all = all.filter((x) => x.id < q.get('cursor'))
    const page = all.slice(0, 50)
    return json(200, { items: page.map((x) => ({ ...brief(x), attempts: x.attempts.slice(-1) })), next_cursor: all.length > 50 ? page.at(-1).id : null })
  }
  if (p === '/api/v1/kinds') return json(200, { items: kinds })
  if (p === '/api/v1/stats') return json(200, stats())
  if (p === '/api/v1/queues') { const s = stats(); return json(200, { items: [...new Set([...tasks.values()].map((x) => x.queue))].sort().map((name) => ({ name, counts: Object.fromEntries(STATES.map((st) => [st, s.items.filter((i) => i.queue === name && i.state === st).reduce((a, i) => a + i.count, 0)])), oldest_pending_at: [...tasks.values()].filter((x) => x.queue === name && x.state === 'pending').map((x) => x.created_at).sort()[0] ?? null, workers: name === 'reports' ? 0 : 2 })) }) }
  if (p === '/api/v1/workers') return json(200, { items: mode === 'empty' ? [] : [{ id: 'ip-10-0-3-17/412', host: 'ip-10-0-3-17.eu-central-1.compute.internal', pid: 412, version: 'v0.1.0', started_at: iso(now() - 86400e3 * 3), seen_at: iso(now() - 800), queues: { critical: 6, default: 3, low: 1 }, concurrency: 10, active: 3 }, { id: 'ip-10-0-3-18/88', host: 'ip-10-0-3-18', pid: 88, version: 'v0.1.0', started_at: iso(now() - 7200e3), seen_at: iso(now() - 2200), queues: { default: 1 }, concurrency: 10, active: 0 }] })
  if (p.startsWith('/api/')) return problem(404, 'Not found', 'There is no such route.')
  const file = path.join(dist, p), real = fs.existsSync(file) && fs.statSync(file).isFile() ? file : path.join(dist, 'index.html')
  const type = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html' }[path.extname(real)]
  res.writeHead(200, { 'Content-Type': type, 'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" }); res.end(fs.readFileSync(real))
})
function submit(b, json, problem) {
  const k = kinds.find((x) => x.name === b.kind)
  if (!k) return problem(422, 'Validation failed', 'The request has faults.', [{ location: 'body.kind', message: 'must be a kind that this server knows' }])
  const errors = []
  if ('url' in k.input_schema.properties && !/^https?:\/\//.test(b.input.url ?? '')) errors.push(b.input.url === undefined ? { location: 'body.input', message: 'expected required property url to be present' } : { location: 'body.input.url', message: 'must be an absolute http or https URL' })
  if (b.input.max_pages > 5000) errors.push({ location: 'body.input.max_pages', message: 'must be from 1 to 5000' })
  if (b.policy?.timeout === 'x') errors.push({ location: 'body.policy.timeout', message: 'must be a duration such as "30s"' })
  if (errors.length) return problem(422, 'Validation failed', 'The request has faults.', errors)
  const t = add({ kind: b.kind, queue: b.queue ?? 'default', tags: b.tags ?? [], subject: b.input.url ?? '“' + String(b.input.message) + '”', input: b.input, state: b.delay ? 'scheduled' : 'active', started_at: iso(now()), attempts: b.delay ? [] : [att(1, now())], ...(b.delay ? { run_at: iso(now() + 60e3) } : {}) })
  setTimeout(() => { if (t.state === 'active') { finish(t, 'succeeded', { message: b.input.message ?? null }); log(t, 'info', 'done'); changed(t) } }, 3000)
  changed(t); json(202, t, { Location: `/api/v1/tasks/${t.id}` })
}
server.listen(port, '127.0.0.1', () => console.log(`mock API on ${port} (${mode})`))
