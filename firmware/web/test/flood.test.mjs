import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { flooding, groupsOf } = await load('lib/flood.ts');
const now = Date.parse('2026-11-21T12:00:00Z');
const alarm = (dev, rule, minutesAgo) => ({ alarm: `${dev}/${rule}`, dev, state: 'active-unack', severity: 'high', text: '', since: new Date(now - minutesAgo * 60e3).toISOString() });
const many = (n, minutesAgo) => Array.from({ length: n }, (_, i) => alarm(`d${i}`, 'r', minutesAgo));

test('flood: on above ten new in ten minutes, off at five', () => {
  assert.equal(flooding(false, many(10, 1), now), false);
  assert.equal(flooding(false, many(11, 1), now), true);
  assert.equal(flooding(false, many(50, 11), now), false);
  assert.equal(flooding(true, many(6, 1), now), true);
  assert.equal(flooding(true, many(5, 1), now), false);
});
test('flood: by device, first-out on top, nothing left out', () => {
  const got = groupsOf([alarm('b', 'x', 1), alarm('a', 'x', 2), alarm('b', 'y', 3), alarm('c', 'x', 2.5)]);
  assert.deepEqual(got.map((one) => [one.dev, one.alarms.map((a) => a.alarm)]), [['b', ['b/y', 'b/x']], ['c', ['c/x']], ['a', ['a/x']]]);
});
