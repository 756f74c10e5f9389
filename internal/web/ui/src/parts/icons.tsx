// Every drawing of the page. They take the colour of the text around them.

import type { ComponentChildren } from 'preact'
import type { State } from '../wire.ts'

function Icon({ children, size = 16 }: { children: ComponentChildren; size?: number }) {
  return (
    <svg class="icon" width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor"
      stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      {children}
    </svg>
  )
}

const ring = <circle cx="8" cy="8" r="6.2" />

const shapes: Record<State, ComponentChildren> = {
  scheduled: <>{ring}<path d="M8 4.6V8l2.4 1.6" /></>,
  pending: <circle cx="8" cy="8" r="6.2" stroke-dasharray="2.4 2.5" />,
  active: <><circle cx="8" cy="8" r="6.2" opacity=".3" /><path class="turns" d="M8 1.8a6.2 6.2 0 0 1 6.2 6.2" /><circle cx="8" cy="8" r="2" fill="currentColor" stroke="none" /></>,
  retrying: <path d="M13.6 6.2A6 6 0 1 0 14 8.6M14 2.6v3.8h-3.8" />,
  succeeded: <>{ring}<path d="m5.2 8.2 2 2 3.7-4.2" /></>,
  failed: <>{ring}<path d="m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4" /></>,
  canceled: <>{ring}<path d="m3.8 3.8 8.4 8.4" /></>,
  expired: <path d="M4 1.8h8M4 14.2h8M4.8 1.8c0 3.4 3.2 4.4 3.2 6.2s-3.2 2.8-3.2 6.2m6.4-12.4c0 3.4-3.2 4.4-3.2 6.2s3.2 2.8 3.2 6.2" />,
}

export const StateIcon = ({ state }: { state: State }) => <Icon>{shapes[state]}</Icon>

export const Mark = () => (
  <svg width="22" height="22" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" aria-hidden="true">
    <rect x="6.5" y="5" width="11" height="8" rx="1.6" />
    <path d="M9.5 5v8M12.5 5v8M15.2 5v8" opacity=".45" />
    <path d="M4 3v12M20 3v12M20 9h2.5V5.6M12 13v6" />
    <path d="M9.8 21h4.4l-.6-2.4h-3.2z" fill="currentColor" />
  </svg>
)

export const Glass = () => <Icon><circle cx="7" cy="7" r="4.6" /><path d="m10.5 10.5 3.4 3.4" /></Icon>
export const Cross = () => <Icon><path d="m4.5 4.5 7 7m0-7-7 7" /></Icon>
export const Plus = () => <Icon><path d="M8 3v10M3 8h10" /></Icon>
export const Up = () => <Icon><path d="M8 13V3.5m-4 4 4-4 4 4" /></Icon>
export const Back = () => <Icon><path d="m9.5 3.5-4.5 4.5 4.5 4.5" /></Icon>
export const Rows = () => <Icon><path d="M2.5 4h11M2.5 8h11M2.5 12h11" /></Icon>
export const Stack = () => <Icon><path d="m8 2.2 6 3-6 3-6-3zM2.2 8.2l5.8 2.9 5.8-2.9M2.2 11l5.8 2.9 5.8-2.9" /></Icon>
export const Gear = () => <Icon><circle cx="8" cy="8" r="2.3" /><path d="M8 1.6v2M8 12.4v2M1.6 8h2M12.4 8h2M3.5 3.5l1.4 1.4M11.1 11.1l1.4 1.4M12.5 3.5l-1.4 1.4M4.9 11.1l-1.4 1.4" /></Icon>
export const Hands = () => <Icon><rect x="2.2" y="2.8" width="11.6" height="4.2" rx="1.2" /><rect x="2.2" y="9" width="11.6" height="4.2" rx="1.2" /><path d="M4.8 4.9h.01M4.8 11.1h.01" /></Icon>
export const Pulse = () => <Icon><path d="M1.8 8.5h2.8L6.4 4l3.2 8.4 1.8-3.9h2.8" /></Icon>
export const Attention = () => <Icon><path d="M8 2.2 14.4 13.4H1.6zM8 6.4v3.2M8 11.6h.01" /></Icon>
export const Bin = () => <Icon><path d="M2.8 4.3h10.4M6.2 4.3V2.6h3.6v1.7M4.2 4.3l.6 9h6.4l.6-9" /></Icon>
export const Copy = () => <Icon><rect x="5.5" y="5.5" width="8" height="8" rx="1.5" /><path d="M10.5 5.5v-2a1 1 0 0 0-1-1h-6a1 1 0 0 0-1 1v6a1 1 0 0 0 1 1h2" /></Icon>
export const Load = () => <Icon><path d="M8 2.5v7.5m-3.5-3.2L8 10l3.5-3.2M2.8 13.5h10.4" /></Icon>
export const Funnel = () => <Icon><path d="M2 4h12M4.5 8h7M6.8 12h2.4" /></Icon>
