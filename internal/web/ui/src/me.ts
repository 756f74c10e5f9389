// What the reader may do, as the server says. The server decides anew on each
// request; the page only leaves out what would be refused.

import { session } from './use.ts'
import type { Task } from './wire.ts'

export type Action = 'tasks.submit' | 'tasks.cancel' | 'tasks.cancel_own' | 'tasks.retry' | 'tasks.delete' | 'tasks.share'
  | 'tasks.list' | 'system.read' | 'sessions.own' | 'sessions.all' | 'tokens.read' | 'tokens.change' | 'audit.read'
  | 'secrets.read' | 'secrets.change'

/** Whether the reader's role includes the action. */
export function may(action: Action): boolean {
  return session.value?.me?.actions.includes(action) ?? false
}

/** Whether the reader may call this task off: any, or one of their own. */
export function mayCancel(task: Task): boolean {
  const me = session.value?.me
  return may('tasks.cancel') || (may('tasks.cancel_own') && !!me?.id && task.submitted_by === me.id)
}
