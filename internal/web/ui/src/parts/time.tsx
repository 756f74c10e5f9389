import { useNow } from '../clock.ts'
import { useBox } from '../box.ts'
import { age, at, coarse, full, moment } from '../format.ts'
import { zone } from '../settings.ts'

interface Props { time: string }

/** How long ago, in one unit that ticks: 36 s, 3 min. Hover tells the exact time. */
export function Age({ time }: Props) {
  const z = useBox(zone)
  const t = at(time)
  return <time dateTime={time} title={full(t, z)}>{age(useNow() - t)}</time>
}

/** How long ago in words: "3 min ago", or "in 23 h" for what is to come. */
export function Ago({ time }: Props) {
  const z = useBox(zone)
  const now = useNow()
  const t = at(time)
  return <time dateTime={time} title={full(t, z)}>{t > now + 1000 ? `in ${coarse((t - now) / 1000)}` : `${age(now - t)} ago`}</time>
}

/** How far off a moment is, in one unit: "in 89 d". */
export function Until({ time }: Props) {
  const z = useBox(zone)
  const t = at(time)
  return <time dateTime={time} title={full(t, z)}>in {age(t - useNow())}</time>
}

/** The moment itself: 14:31:07, or with its day when that is another. */
export function When({ time }: Props) {
  const z = useBox(zone)
  const t = at(time)
  return <time dateTime={time} title={full(t, z)}>{moment(t, useNow(false), z)}</time>
}
