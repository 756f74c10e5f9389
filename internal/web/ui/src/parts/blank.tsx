import type { ComponentChildren } from 'preact'
import type { Problem } from '../api.ts'

interface BlankProps {
  title: string
  children?: ComponentChildren
  actions?: ComponentChildren
  /** Whether it stands for the whole page. */
  whole?: boolean
}

/** Says why there is nothing here, and what to do next. */
export function Blank({ title, children, actions, whole = false }: BlankProps) {
  return (
    <div class="blank">
      {whole ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children && <p>{children}</p>}
      {actions && <div class="actions">{actions}</div>}
    </div>
  )
}

/** A fault that keeps the page from showing what was asked for. */
export function Trouble({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <div class="blank" role="alert">
      <h2>{problem.title}</h2>
      {problem.message !== problem.title && <p>{problem.message}</p>}
      {problem.instance && <p class="small">Request <span class="mono">{problem.instance}</span></p>}
      {onRetry && <div class="actions"><button class="button" onClick={onRetry}>Try again</button></div>}
    </div>
  )
}

/** Grey lines where rows will stand. They show only when the wait is long enough to be felt. */
export function Skeleton({ rows = 5 }: { rows?: number }) {
  return (
    <div class="skeleton" aria-hidden="true">
      {Array.from({ length: rows }, (_, i) => <div key={i}><i /><i /></div>)}
    </div>
  )
}
