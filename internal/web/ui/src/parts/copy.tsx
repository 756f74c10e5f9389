import { useState } from 'preact/hooks'
import { Dialog } from './dialog.tsx'
import { Copy } from './icons.tsx'
import { say } from './notice.tsx'

/** Puts text on the clipboard. Pages served over plain HTTP from another host may not use the modern way. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copyByHand(text)
  }
}

function copyByHand(text: string): boolean {
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'unseen'
  area.setAttribute('readonly', '')
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  return done
}

/** A button that copies what text gives; when the browser refuses, it shows the text to copy by hand. */
export function CopyButton({ label, text, quiet = false }: { label: string; text: () => string; quiet?: boolean }) {
  const [shown, show] = useState<string>()
  const onClick = async () => {
    const value = text()
    if (await copy(value)) say('Copied.')
    else show(value)
  }
  return (
    <>
      <button type="button" class={quiet ? 'button icon-only' : 'button'} aria-label={quiet ? label : undefined} title={quiet ? label : undefined} onClick={onClick}>
        {quiet ? <Copy /> : label}
      </button>
      {shown !== undefined && (
        <Dialog title={label} onClose={() => show(undefined)} wide>
          <p class="muted">This browser does not let the page copy. Select the text and copy it yourself.</p>
          <textarea class="input mono" rows={8} readOnly value={shown} onFocus={(e) => e.currentTarget.select()} />
        </Dialog>
      )}
    </>
  )
}
