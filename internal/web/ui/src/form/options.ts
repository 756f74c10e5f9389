// The options that every task has, in the language of a kind's own fields.

import type { Policy, Schema } from '../wire.ts'
import { friendly } from '../format.ts'
import { fieldsOf, type Field } from './fields.ts'

/** When a task may start. */
export type Start = 'now' | 'delay' | 'at'

const own = (schema: Schema): Schema => ({ type: 'string', ...schema })

/** The options beside the start, with a kind's own rules told where they would hold. */
export function optionFields(queue: string, policy: Policy): Field[] {
  const kinds = (v: string | undefined) => (v ? `${friendly(v)} when left empty` : '')
  const schema: Schema = {
    type: 'object',
    properties: {
      queue: own({ title: 'Queue', maxLength: 40, description: 'The line it waits in: small letters, digits, - and _. The kind’s own when left empty.', examples: [queue] }),
      tags: { title: 'Tags', type: 'array', items: own({ maxLength: 64 }), maxItems: 16, description: 'Words to find it by.', examples: [['order:1182']] },
      unique: own({ title: 'Unique key', maxLength: 200, description: 'While a task with this key waits or runs in the queue, handing it in again gives that task.', examples: ['audit:example.com'] }),
      expires_at: own({ title: 'Start deadline', format: 'date-time', description: 'If it has not started by then, it expires.' }),
      policy: {
        type: 'object', title: 'Attempts',
        properties: {
          max_attempts: { title: 'At most', type: 'integer', minimum: 1, maximum: 1000, description: 'How many may fail before the task does.', examples: [policy.max_attempts ?? 1] },
          timeout: rule('Time for one attempt', 'At most 24 h', policy.timeout),
          min_backoff: rule('First wait', 'After the first failure; each next wait doubles', policy.min_backoff),
          max_backoff: rule('Longest wait', 'Between two attempts, at most 24 h', policy.max_backoff),
          deadline: rule('Give up after', 'Counted from when it was handed in, at most 720 h', policy.deadline),
        },
      },
    },
    'x-order': ['queue', 'tags', 'unique', 'expires_at', 'policy'],
  }
  function rule(title: string, help: string, kindsOwn: string | undefined): Schema {
    return own({ title, format: 'go-duration', description: [help, kinds(kindsOwn)].filter(Boolean).join('; ') + '.', examples: kindsOwn ? [kindsOwn] : [] })
  }
  return fieldsOf(schema, '')
}

/** The three that say when it may start. Only the chosen one is sent. */
export const startFields: Record<'delay' | 'run_at', Field> = {
  delay: fieldsOf({ properties: { delay: own({ title: 'Start after', format: 'go-duration', examples: ['15m'] }) } }, '')[0]!,
  run_at: fieldsOf({ properties: { run_at: own({ title: 'Start at', format: 'date-time' }) } }, '')[0]!,
}
