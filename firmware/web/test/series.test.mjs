import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { columns, buckets, extent, resolution, trim } = await load('lib/series.ts');
const series = (more) => ({ from: 0, to: 60e3, u: 'Cel', count: 4, exact: true, t: [0, 10e3, 50e3, 55e3], v: [1, 2, null, 4], gaps: [[10e3, 50e3, 'no data']], ...more });

test('series: nothing is drawn over a gap, and a null stays a null', () => {
  const [t, v] = columns(series());
  assert.deepEqual(v, [1, 2, null, null, null, 4]);
  assert.deepEqual([...t].sort((a, b) => a - b), t);
});

test('series: the table says where nothing was recorded', () => {
  const rows = buckets(series());
  assert.equal(rows.reduce((n, one) => n + one.count, 0), 3);
  const empty = rows.filter((one) => one.count === 0);
  assert.ok(empty.some((one) => one.gap === 'no data'));
  assert.ok(empty.every((one) => one.mean === null && one.min === null), 'never 0 for unknown');
});

test('series: minimum and maximum of reduced data count', () => {
  const one = series({ exact: false, min: [0, 1, null, 3], max: [5, 9, null, 6] });
  assert.deepEqual(extent(one), [0, 9]);
  assert.equal(extent(series({ t: [], v: [] })), null);
});

test('series: a limit moves by what the values resolve to', () => {
  assert.equal(resolution(null), 0.1);
  assert.equal(resolution(series({ v: [0, 10, null, 5] })), 0.1);
  assert.equal(resolution(series({ v: [0, 1000, null, 5] })), 10);
});

test('sparklines break where a value is missing', async () => {
  const { sparkPath } = await load('ui/spark.tsx');
  assert.equal((sparkPath([1, 2, null, 3, 4]).path.match(/M/g) || []).length, 2);
});

test('series: a log younger than the range is no gap: the chart begins with it', () => {
  const young = { from: 0, to: 36e5, u: '', count: 2, exact: true, t: [3e6, 3.3e6], v: [1, 2], gaps: [[0, 3000100, 'the log begins later'], [3.1e6, 3.2e6, 'no data']] };
  const cut = trim(young);
  assert.equal(cut.begins, 3e6);
  assert.ok(cut.from > 2.9e6 && cut.from < 3e6);
  assert.deepEqual(cut.gaps, [young.gaps[1]], 'a gap inside stays');
  assert.equal(trim({ ...young, gaps: [young.gaps[1]] }).begins, undefined);
  assert.equal(trim({ ...young, t: [], v: [] }).from, 0);
});
