import { capital } from '../format.ts'
import { share } from '../words.ts'
import type { Progress, State } from '../wire.ts'
import { StateIcon } from './icons.tsx'

/** A state as its shape, word and colour; as a pill where it stands beside a headline. */
export function StateMark({ state, pill = false }: { state: State; pill?: boolean }) {
  return (
    <span class={`state ${state}${pill ? ' pill' : ''}`}>
      <StateIcon state={state} />
      {capital(state)}
    </span>
  )
}

/** A progress bar. Without a known total it says only that something goes on. */
export function Bar({ progress, name }: { progress: Progress | undefined; name: string }) {
  const part = share(progress)
  return (
    <div class={part === undefined ? 'progress unknown' : 'progress'} role="progressbar" aria-label={name}
      aria-valuemin={0} aria-valuemax={100} aria-valuenow={part === undefined ? undefined : Math.floor(part * 100)}>
      <i style={{ width: part === undefined ? '100%' : `${part * 100}%` }} />
    </div>
  )
}
