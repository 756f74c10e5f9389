import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'

interface Props { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean }

/** A modal dialog. Escape, a click beside it and its own buttons close it; the focus goes back to where it was. */
export function Dialog({ title, onClose, children, wide = false }: Props) {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null
    ref.current?.showModal()
    return () => before?.focus()
  }, [])
  return (
    <dialog ref={ref} class={wide ? 'dialog wide' : 'dialog'} aria-labelledby={id} onClose={onClose}
      onClick={(e) => { if (e.target === ref.current) onClose() }}>
      <div class="dialog-body">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  )
}

interface AskProps { title: string; text: string; verb: string; busy: boolean; onYes: () => void; onNo: () => void }

/** Asks once before something that cannot be undone. */
export function Ask({ title, text, verb, busy, onYes, onNo }: AskProps) {
  return (
    <Dialog title={title} onClose={onNo}>
      <p class="muted">{text}</p>
      <div class="actions end">
        <button class="button" onClick={onNo}>Keep it</button>
        <button class="button main" disabled={busy} onClick={onYes}>{verb}</button>
      </div>
    </Dialog>
  )
}
