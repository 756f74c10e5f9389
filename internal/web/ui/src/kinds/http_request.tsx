import { useState } from 'preact/hooks'
import { bytes, count, duration, friendly, plural } from '../format.ts'
import { isObject, parse, type Json } from '../json.ts'
import { CopyButton } from '../parts/copy.tsx'
import { JsonView } from '../parts/json.tsx'
import type { Answer, Task } from '../wire.ts'

/** Reports whether a result is an answer that this page can show. */
export function isResponse(v: unknown): v is Answer {
  return isObject(v) && typeof v.status === 'number' && isObject(v.headers) && typeof v.body === 'string' && Array.isArray(v.redirects) && isObject(v.timing)
}

const parts: [key: keyof Answer['timing'], words: string][] = [['dns', 'DNS'], ['connect', 'Connect'], ['tls', 'TLS'], ['first_byte', 'First byte'], ['total', 'Total']]

/** The answer of an http.request: its status, how long it took, its body and headers. */
export function Response({ answer }: { task: Task; answer: Answer }) {
  const headers = Object.entries(answer.headers)
  return (
    <section class="card" aria-labelledby="response">
      <header>
        <h2 id="response">Response</h2>
        <span class="status-code mono">{answer.status}</span>
        <span class="muted small push">{bytes(answer.body_bytes)}{answer.body_truncated ? ' or more, cut' : ''}</span>
        {answer.body && <CopyButton quiet label="Copy the body" text={() => answer.body} />}
      </header>
      <dl class="timing">
        {parts.filter(([k]) => (duration(answer.timing[k]) ?? 0) > 0).map(([k, words]) => (
          <div key={k}><dt>{words}</dt><dd>{friendly(answer.timing[k])}</dd></div>
        ))}
      </dl>
      {answer.redirects.length > 0 && (
        <p class="note muted">Came over {plural(answer.redirects.length, 'redirect')}: {answer.redirects.map((r) => `${r.status} to ${r.url}`).join(', then ')}</p>
      )}
      <Body answer={answer} />
      <details class="fold">
        <summary>Headers <span class="n">{count(headers.length)}</span></summary>
        <dl class="headers mono">
          {headers.map(([name, values]) => <div key={name}><dt>{name}</dt><dd>{values.map((v, i) => <span key={i}>{v}</span>)}</dd></div>)}
        </dl>
        {answer.headers_truncated && <p class="note muted">Some header fields are left out: at most 16 KB are kept.</p>}
      </details>
    </section>
  )
}

function Body({ answer }: { answer: Answer }) {
  const json = asJson(answer)
  const [raw, setRaw] = useState(false)
  if (answer.body === '') return <p class="note muted">The answer has no body.</p>
  const note = [
    answer.body_encoding === 'base64' ? 'The body is not text; it is shown in base64.' : '',
    answer.body_truncated ? `The first ${bytes(64 * 1024)} are kept.` : '',
  ].filter(Boolean).join(' ')
  return (
    <>
      {note && <p class="note muted">{note}</p>}
      {json !== undefined && !raw ? <JsonView value={json} /> : <pre class="body mono">{answer.body}</pre>}
      {json !== undefined && <button class="older" onClick={() => setRaw(!raw)}>{raw ? 'Show as JSON' : 'Show as it came'}</button>}
    </>
  )
}

function asJson(answer: Answer): Json | undefined {
  const type = Object.entries(answer.headers).find(([k]) => k.toLowerCase() === 'content-type')?.[1][0] ?? ''
  if (!/\bjson\b/i.test(type) || answer.body_truncated || answer.body_encoding) return undefined
  try {
    return parse(answer.body)
  } catch {
    // It says JSON and is none; shown as it came.
    return undefined
  }
}
