import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

// WCAG 2.2, 1.4.3 and 1.4.11: 4.5:1 for text, 3:1 for what draws the edge of a control.

type Rgb = [number, number, number]
const css = readFileSync('src/style/tokens.css', 'utf8')
const tokens = new Map([...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map((m) => [m[1]!, [m[2]!, m[3]!] as const]))
const tint = Number(/--tint: (\d+)%/.exec(css)![1]) / 100

const rgb = (hex: string): Rgb => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)) as Rgb
const mix = (top: Rgb, below: Rgb, share: number): Rgb => top.map((c, i) => c * share + below[i]! * (1 - share)) as Rgb
function light(c: Rgb): number {
  const [r, g, b] = c.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)) as Rgb
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [light(a), light(b)].sort((m, n) => n - m) as [number, number]
  return (x + 0.05) / (y + 0.05)
}

const states = ['scheduled', 'pending', 'active', 'retrying', 'succeeded', 'failed', 'canceled', 'expired']
const grounds = ['paper', 'surface', 'raised', 'hover']

for (const [i, theme] of ['light', 'dark'].entries()) {
  const of = (name: string) => rgb(tokens.get(name)![i]!)
  const enough = (what: string, a: Rgb, b: Rgb, least: number) => assert.ok(contrast(a, b) >= least, `${what} has ${contrast(a, b).toFixed(2)}:1, ${least}:1 is needed`)

  test(`text is readable on every ground (${theme})`, () => {
    for (const text of ['ink', 'muted', 'faint', ...states]) for (const ground of grounds) enough(`${text} on ${ground}`, of(text), of(ground), 4.5)
    enough('paper on ink', of('paper'), of('ink'), 4.5)
  })

  test(`a state is readable on its own tint (${theme})`, () => {
    for (const s of states) for (const ground of ['paper', 'surface']) {
      enough(`${s} on its tint over ${ground}`, of(s), mix(of(s), of(ground), tint), 4.5)
      enough(`ink on the tint of ${s} over ${ground}`, of('ink'), mix(of(s), of(ground), tint), 4.5)
    }
  })

  test(`edges of controls and the focus are seen (${theme})`, () => {
    for (const ground of ['paper', 'surface', 'raised']) {
      enough(`focus on ${ground}`, of('focus'), of(ground), 3)
      if (ground !== 'raised') enough(`edge on ${ground}`, of('edge'), of(ground), 3)
    }
  })
}
