import { execFileSync } from 'node:child_process'
import { root } from './windlass.js'

/** Builds bin/windlass with the page inside, so that what is tested is what is in the folder. */
export default function build() {
  // A make above this one must not hand its flags and job slots down.
  const { MAKEFLAGS: _, MFLAGS: __, MAKELEVEL: ___, ...env } = process.env
  execFileSync('make', ['-s', 'build'], { cwd: root, env, stdio: ['ignore', 'ignore', 'inherit'] })
}
