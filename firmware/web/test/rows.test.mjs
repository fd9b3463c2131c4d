import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { Packer } = await load('lib/rows.ts');
const { Pace } = await load('lib/pace.ts');
const { Trail } = await load('lib/trail.ts');
const sample = (dev, v, more = {}) => ({ dev, pt: 't', v, u: 'Cel', q: 'good', rx: '2026-11-21T16:40:00.131Z', seq: 1, ...more });

test('rows: a series is named once, then it is a number', () => {
  const packer = new Packer();
  for (const one of [sample('a', 1), sample('b', 2), sample('a', 3)]) packer.add(one);
  const rows = packer.take();
  assert.deepEqual([rows.id, rows.v], [[0, 1, 0], [1, 2, 3]]);
  assert.equal(rows.rx[0], Date.parse('2026-11-21T16:40:00.131Z'));
  assert.deepEqual(rows.odd, []);
  assert.deepEqual(packer.tell(rows, 0), { ...rows, names: ['a', 't', 'Cel', 'b', 't', 'Cel'], from: 0 });
  assert.deepEqual(packer.tell(rows, 1).names, ['b', 't', 'Cel']);
  assert.deepEqual(packer.tell(rows, packer.series).names, []);
  assert.equal(packer.take(), null, 'what was taken is gone');
});

test('rows: what is unusual travels beside: quality, a changed unit, history, no value', () => {
  const packer = new Packer();
  packer.add(sample('a', 1));
  packer.add(sample('a', null, { q: 'bad/no_data' }));
  packer.add(sample('a', 50, { u: '[degF]' }));
  packer.add(sample('a', 10, { u: '[degF]', hist: true, rx: undefined }));
  const rows = packer.take();
  assert.deepEqual(rows.v, [1, null, 50, 10]);
  assert.deepEqual(rows.odd, [[1, { q: 'bad/no_data' }], [2, { u: '[degF]' }], [3, { hist: true }]]);
  assert.ok(Number.isNaN(rows.rx[3]), 'an unknown time is not a time');
  assert.equal(packer.tell(rows, 0).names[2], '[degF]', 'who comes later hears the unit of today');
});

test('pace: a fast page takes every frame, a slow one keeps time for the rest', () => {
  const pace = new Pace();
  assert.ok(pace.wait(0) <= 0, 'the first value never waits');
  const turn = (at, cost) => { pace.began(at); pace.painted(at + cost); };
  for (let i = 0; i < 20; ++i) turn(i * 16, 2);
  assert.ok(pace.wait(20 * 16) <= 0);
  for (let i = 0; i < 20; ++i) turn(1000 + i * 60, 15);
  const at = 1000 + 19 * 60;
  assert.ok(pace.wait(at) > 15 && pace.wait(at) <= 33, `${pace.wait(at)}`);
  for (let i = 0; i < 20; ++i) turn(5000 + i * 500, 400);
  assert.ok(pace.wait(5000 + 19 * 500) <= 33, 'however slow it is, a value waits 33 ms at the most');
});

test('trail: the last sixty values, changed in place', () => {
  const trail = new Trail(Array.from({ length: 70 }, (_, i) => i));
  assert.deepEqual([trail.values.length, trail.values[0]], [60, 10]);
  const beat = trail.beat.value;
  trail.add(null);
  assert.deepEqual([trail.values.length, trail.values[0], trail.values[59]], [60, 11, null]);
  assert.notEqual(trail.beat.value, beat);
});
