import type { ComponentChildren } from 'preact'
import { JsonCard } from '../parts/json.tsx'
import type { Task } from '../wire.ts'
import { Audit } from './site_audit.tsx'
import { isReport } from './report.ts'
import { Response, isResponse } from './http_request.tsx'

/** What came out of a task, as its kind is best read. Kinds without a view of their own show JSON. */
export function Result({ task }: { task: Task }): ComponentChildren {
  const { result } = task
  if (result === undefined) return null
  if (task.kind === 'site.audit' && isReport(result)) return <Audit task={task} report={result} />
  if (task.kind === 'http.request' && isResponse(result)) return <Response task={task} answer={result} />
  return <JsonCard title="Result" value={result} file={`${task.id}.json`} />
}
