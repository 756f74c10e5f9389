import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agent } from '../agent.ts'
import { linkIn } from '../link.ts'

test('a browser is named as people know it', () => {
  const known: Record<string, string> = {
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0': 'Firefox on Linux',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0': 'Edge on Windows',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36': 'Chrome on Windows',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1': 'Safari on iOS',
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15': 'Safari on macOS',
    'Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36': 'Chrome on Android',
    'curl/8.9.1': 'curl',
    'shop-sync 2': 'shop-sync 2',
    '': 'A program',
  }
  for (const [text, want] of Object.entries(known)) assert.equal(agent(text), want)
})

test('a link is read from the address, and nothing else is', () => {
  assert.equal(linkIn('#link=wll_abcDEF012.tok_3x9k2m8v3n5p'), 'wll_abcDEF012.tok_3x9k2m8v3n5p')
  for (const hash of ['', '#', '#link=', '#main', '#link=a&b=c', '#link=a b', '#x#link=a', `#link=${'a'.repeat(201)}`]) assert.equal(linkIn(hash), '')
})
