import { createServer } from 'node:net'
import { once } from 'node:events'
import { kill, launch } from './process.js'

/** A Redis that outlives the Windlass before it. Answers its URL and the way to stop it. */
export async function startRedis() {
  const port = await freePort()
  const args = ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no', '--daemonize', 'no']
  const { child } = await launch('redis-server', args, {
    from: 'stdout', ready: (line) => (/Ready to accept connections/.test(line) ? true : undefined),
  })
  return { url: `redis://127.0.0.1:${port}/0`, stop: () => kill(child) }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
