import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReport, local, search, sheets, stopped } from '../kinds/report.ts'
import type { Report } from '../wire.ts'
import { ways } from '../find.ts'

const zero: Report['totals'] = { pages: 0, links_checked: 0, external: 0, broken: 0, redirects: 0, mixed_content: 0, titles_missing: 0, titles_duplicate: 0, slow_pages: 0, heavy_pages: 0, skipped_by_robots: 0, refused_by_egress: 0, not_checked: 0, pages_unread: 0 }
const found = { target: 'https://a.example/x', kind: 'link' as const, page: 'https://a.example/', text: 'X', found_on: ['https://a.example/'], found_on_total: 3 }
const report: Report = {
  site: 'https://a.example/', stopped_by: 'none', truncated: true, totals: { ...zero, pages: 2, broken: 40, titles_missing: 1, titles_duplicate: 1 },
  broken: [{ ...found, status: 404, code: 'http_status', message: 'Answered 404 Not Found.' }, { ...found, code: 'dns', message: 'No address.' }],
  redirects: [{ ...found, hops: [{ url: 'https://a.example/x', status: 301 }], final: 'https://a.example/y' }],
  mixed_content: [], titles: { missing: ['https://a.example/b'], duplicate: [{ title: 'Same', pages: ['https://a.example/c'], pages_total: 2 }] },
  slow_pages: [], heavy_pages: [{ page: 'https://a.example/h', bytes: 3145728 }], not_checked: [],
}

test('a report is told from what is none', () => {
  assert.ok(isReport(JSON.parse(JSON.stringify(report))))
  assert.ok(!isReport({ ...report, broken: undefined }))
  assert.ok(!isReport(null))
  assert.ok(!isReport('x'))
})

test('sheets count everything, also what was cut from the lists', () => {
  const s = sheets(report)
  assert.deepEqual(s.map((x) => [x.id, x.total, x.entries.length]), [['broken', 40, 2], ['redirects', 0, 1], ['mixed', 0, 0], ['titles', 2, 2], ['slow', 0, 0], ['heavy', 0, 1], ['unchecked', 0, 0]])
  assert.deepEqual(s[0]!.entries.map((e) => e.mark), ['404', 'DNS'])
  assert.equal(s[5]!.entries[0]!.mark, '3.0 MB')
})

test('the filter looks at everything that is shown', () => {
  const entries = sheets(report)[0]!.entries
  assert.equal(search(entries, ' 404 ').length, 1)
  assert.equal(search(entries, 'NO ADDRESS').length, 1)
  assert.equal(search(entries, 'a.example').length, 2)
  assert.equal(search(entries, '').length, 2)
})

test('addresses of the site are shown without it', () => {
  assert.equal(local('https://a.example/x?y#z', report.site), '/x?y#z')
  assert.equal(local('https://b.example/x', report.site), 'https://b.example/x')
  assert.equal(local('nonsense', report.site), 'nonsense')
})

test('a limit that stopped the audit is said', () => {
  assert.equal(stopped(report), '')
  assert.equal(stopped({ ...report, stopped_by: 'page_limit', totals: { ...zero, pages_unread: 1 } }), 'The page limit was reached: 1 page was found but not read.')
})

test('the search leads to tasks, filters and tags', () => {
  const kinds = ['http.request', 'site.audit']
  assert.deepEqual(ways('tsk_01k9_default', kinds, []).map((w) => w.to), ['/tasks/tsk_01k9_default'])
  assert.deepEqual(ways('re', kinds, ['reports']).map((w) => w.id), ['state:retrying', 'kind:http.request', 'queue:reports', 'tag:re'])
  assert.deepEqual(ways('tag:order:1182', kinds, []).map((w) => w.to), ['/tasks?tag=order:1182'])
  assert.deepEqual(ways('   ', kinds, []), [])
})
