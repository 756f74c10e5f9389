// The shapes that travel over the API: those of its OpenAPI document, with the
// parts that are any JSON given their exact type.

import type { components } from './api.gen.ts'
import type { Json } from './json.ts'

type Schemas = components['schemas']

/** T without the nulls that Go's empty lists could be in principle and never are. */
type Filled<T> = T extends (infer U)[] ? Filled<U>[] : T extends object ? { [K in keyof T]: Filled<NonNullable<T[K]>> } : T

export type State = Schemas['Task']['state']
export type Attempt = Schemas['Attempt']
export type Outcome = NonNullable<Attempt['outcome']>
export type Progress = Schemas['Progress']
export type Policy = Schemas['Policy']
export type LogLine = Schemas['LogLine']
export type Logs = Schemas['LogPage']
export type Fault = Partial<Schemas['Fault']> & { message: string }
export type Queue = Schemas['Queue']
export type Worker = Schemas['Worker']
export type Secret = Filled<Schemas['Secret']>
export type PutSecret = Filled<Schemas['PutSecret']>
export type Stats = Schemas['Stats']
export type System = Schemas['System']
export type Process = Schemas['Process']
export type Finding = Schemas['Finding']
/** What the event "counts" tells. */
export type Counts = Pick<Stats, 'at' | 'totals' | 'items'>
export type Session = Schemas['Session']
export type Me = Schemas['Me']
export type Role = Me['role']
export type Token = Schemas['Token']
export type MadeToken = Schemas['MadeToken']
export type OpenSession = Schemas['OpenSession']
export type Entry = Schemas['Entry']
export type TaskLink = Schemas['TaskLink']
export type Task = Omit<Schemas['Task'], 'input' | 'result'> & { input?: Json; result?: Json }
export type Kind = Omit<Schemas['KindInfo'], 'example' | 'input_schema' | 'result_schema'> & { example: Json; input_schema: Schema }
export type Report = Filled<Schemas['SiteAuditResult']>
export type Answer = Filled<Schemas['HttpRequestResult']>

export interface Page { items: Task[]; next_cursor: string | null }

/** A JSON Schema (2020-12) of an input, with its references inlined and its fields in "x-order". */
export interface Schema {
  type?: string | string[]
  title?: string
  description?: string
  format?: string
  pattern?: string
  enum?: Json[]
  default?: Json
  examples?: Json[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  additionalProperties?: boolean | Schema
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  writeOnly?: boolean
  'x-order'?: string[]
}

/** The states in the order of a task's life. */
export const states: State[] = ['scheduled', 'pending', 'active', 'retrying', 'succeeded', 'failed', 'canceled', 'expired']

/** The roles of tokens, weakest first. */
export const roles: Role[] = ['viewer', 'submitter', 'operator', 'admin']

/** Reports whether nothing more happens to a task in this state by itself. */
export function final(s: State): boolean {
  return s === 'succeeded' || s === 'failed' || s === 'canceled' || s === 'expired'
}
