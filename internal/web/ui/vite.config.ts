import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig, type Plugin } from 'vite'

const packable = /\.(js|css|html|svg|json|txt)$/

/** Writes a .br and a .gz beside every text file of the build, so that the server never compresses. */
function precompress(): Plugin {
  let out = ''
  return {
    name: 'precompress',
    apply: 'build',
    configResolved: (config) => { out = config.build.outDir },
    closeBundle() {
      for (const file of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
        if (!packable.test(file)) continue
        const path = join(out, file)
        const body = readFileSync(path)
        writeFileSync(path + '.br', brotliCompressSync(body, {
          params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length },
        }))
        writeFileSync(path + '.gz', gzipSync(body, { level: 9 }))
      }
    },
  }
}

/**
 * Loads src/early.js as a small classic script in the head: it sets the chosen theme before
 * the first paint. The page's policy forbids inline scripts, and a module would run too late.
 */
function early(): Plugin {
  const source = readFileSync(new URL('src/early.js', import.meta.url), 'utf8')
  const name = `assets/early-${createHash('sha256').update(source).digest('base64url').slice(0, 8)}.js`
  return {
    name: 'early-script',
    generateBundle() { this.emitFile({ type: 'asset', fileName: name, source }) },
    transformIndexHtml: {
      order: 'post',
      handler: (_, context) => [{
        tag: 'script',
        attrs: { src: context.server ? '/src/early.js' : `/${name}` },
        injectTo: 'head-prepend',
      }],
    },
  }
}

export default defineConfig({
  plugins: [early(), precompress()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: new URL('../dist', import.meta.url).pathname,
    emptyOutDir: true,
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // light-dark() must reach the browser as it is written.
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: true,
  },
  // What is not the page is the program's: start it with `make run`.
  server: { proxy: Object.fromEntries(['/api', '/docs', '/redoc', '/openapi', '/problems'].map((path) => [path, 'http://127.0.0.1:8000'])) },
})
