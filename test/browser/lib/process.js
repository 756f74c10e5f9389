// Child processes that never outlive the tests.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const patience = 30_000
const running = new Set()
process.on('exit', () => { for (const child of running) child.kill('SIGKILL') })

/**
 * Starts a program and waits until ready gives something for a line of its output.
 * Answers the child, what ready gave and the lines so far.
 */
export async function launch(program, args, { env = process.env, from, ready }) {
  const stdio = ['ignore', from === 'stdout' ? 'pipe' : 'ignore', from === 'stderr' ? 'pipe' : 'ignore']
  const child = spawn(program, args, { env, stdio })
  running.add(child)
  child.once('exit', () => running.delete(child))
  const lines = []
  const found = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${program} is not ready:\n${lines.join('\n')}`)), patience)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}:\n${lines.join('\n')}`)))
    createInterface({ input: child[from] }).on('line', (line) => {
      lines.push(line)
      const answer = ready(line)
      if (answer === undefined) return
      clearTimeout(late)
      resolve(answer)
    })
  })
  return { child, found, lines }
}

/** Kills a child by its id and waits for its end. */
export async function kill(child) {
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  process.kill(child.pid, 'SIGKILL')
  await ended
}
