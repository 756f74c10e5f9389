// A web site to audit: slow, and with a few faults planted in it.

import { createServer } from 'node:http'
import { once } from 'node:events'

const slowness = 60
const sections = ['guides', 'products', 'news', 'people']
const perSection = 10

/** What an audit must find. Port 1 is privileged and nobody listens there. */
export const planted = {
  broken: ['/guides/gone', '/images/team.jpg', 'http://127.0.0.1:2/partner'],
  redirect: '/old-prices',
  untitled: '/products/7',
  pages: 1 + sections.length * perSection,
}

const faultsOn = {
  '/guides/3': `<a href="${planted.broken[0]}">How to ship</a>`,
  '/guides/8': `<a href="${planted.broken[0]}">Shipping</a>`,
  '/people/2': `<img src="${planted.broken[1]}" alt="The team">`,
  '/news/5': `<a href="${planted.broken[2]}">Our partner</a>`,
  '/products/4': `<a href="${planted.redirect}">Prices</a>`,
}
const moved = { [planted.redirect]: '/prices', '/prices': '/products/1' }

function html(path) {
  const [, section = '', number = ''] = path.split('/')
  const title = path === planted.untitled ? '' : `<title>${section || 'Start'} ${number}</title>`
  const links = path === '/'
    ? sections.map((s) => `<a href="/${s}/1">${s}</a>`)
    : Array.from({ length: perSection }, (_, i) => `<a href="/${section}/${i + 1}">${section} ${i + 1}</a>`)
  return `<!doctype html><html lang="en">${title}<body><a href="/">Start</a> ${links.join(' ')} ${faultsOn[path] ?? ''}</body></html>`
}

function known(path) {
  const [, section, number] = path.split('/')
  return path === '/' || (sections.includes(section) && Number(number) >= 1 && Number(number) <= perSection)
}

function answer(request, response) {
  const path = new URL(request.url, 'http://site').pathname
  if (moved[path]) return response.writeHead(301, { Location: moved[path] }).end()
  if (!known(path)) return response.writeHead(404, { 'Content-Type': 'text/plain' }).end('Nothing here.')
  return response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(html(path))
}

/** Starts the site. Answers its URL, the way to let it answer so many requests and hold the others, and the way to stop it. */
export async function startSite() {
  let left = Infinity
  const held = []
  const serve = (request, response) => {
    if (left > 0) {
      left--
      answer(request, response)
    } else {
      held.push([request, response])
    }
  }
  const server = createServer((request, response) => { setTimeout(serve, slowness, request, response) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    allow: (requests) => {
      left = requests
      for (const one of held.splice(0)) serve(...one)
    },
    stop: () => new Promise((done) => { server.close(done); server.closeAllConnections() }),
  }
}
