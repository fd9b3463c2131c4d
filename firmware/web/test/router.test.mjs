import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { parseRoute, routeHash } = await load('lib/router.ts');

test('routes: path and query survive the way through the address', () => {
  const path = ['devices', 'a b/<c>#%?'];
  const query = { range: '24h', pt: 'x&y=z+1' };
  assert.deepEqual(parseRoute(routeHash(path, query)), { path, query });
});

test('routes: empty, half and broken addresses are routes too', () => {
  assert.deepEqual(parseRoute(''), { path: [], query: {} });
  assert.deepEqual(parseRoute('#/'), { path: [], query: {} });
  assert.deepEqual(parseRoute('#/devices//x?'), { path: ['devices', 'x'], query: {} });
  assert.deepEqual(parseRoute('#/devices/%E0%A4%A'), { path: ['devices', '%E0%A4%A'], query: {} });
});

test('routes: what is empty stays out of the address', () => {
  assert.equal(routeHash(['live'], { q: '', order: undefined }), '#/live');
});
