// What tests of several files make tasks from.

import type { Task } from '../wire.ts'

/** A task with what a test says about it. */
export function make(part: Partial<Task>): Task {
  return {
    id: 'tsk_1_default', kind: 'http.request', queue: 'default', state: 'pending', subject: '', summary: '', attempts: [], attempts_used: 0, max_attempts: 3,
    policy: {}, tags: [], created_at: '2026-11-23T12:00:00.000Z', run_at: '2026-11-23T12:00:00.000Z', cancel_requested: false, overrunning: false, version: 1, ...part,
  }
}
