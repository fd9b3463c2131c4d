import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const { bandsOf } = await load('lib/bands.ts');
const { csv } = await load('lib/save.ts');
const { rowsOf } = await load('lib/series.ts');
const at = (s) => new Date(s * 1000).toISOString();
const event = (s, change, more = {}) => ({ ev: 'alarm', pos: `${s}`, d: { ts: at(s), change, alarm: 'a/warm', rule: 'warm', severity: 'high', pt: 't', text: 'x', ...more } });
const spans = (bands) => bands.map((one) => [one.from / 1000, one.to / 1000, one.severity, one.open]);

test('bands: from the raise to the clear, newest first or not', () => {
  assert.deepEqual(spans(bandsOf([event(30, 'cleared'), event(20, 'acked'), event(10, 'raised')], [], 't', 0, 100e3, 90e3)), [[10, 30, 'high', false]]);
});
test('bands: raised before the range, and standing still', () => {
  assert.deepEqual(spans(bandsOf([event(30, 'cleared')], [], 't', 5e3, 100e3, 90e3)), [[5, 30, 'high', false]]);
  assert.deepEqual(spans(bandsOf([event(30, 'raised'), event(40, 'escalated', { severity: 'critical' })], [], 't', 5e3, 100e3, 90e3)), [[30, 90, 'critical', true]]);
  const standing = [{ alarm: 'a/warm', dev: 'a', pt: 't', state: 'active-acked', severity: 'low', text: '', since: at(1) }];
  assert.deepEqual(spans(bandsOf([], standing, 't', 5e3, 100e3, 90e3)), [[5, 90, 'low', true]]);
  assert.deepEqual(bandsOf([], [{ ...standing[0], state: 'returned-unack' }], 't', 5e3, 100e3, 90e3), []);
});
test('bands: only of the point that is shown, and of the range', () => {
  assert.deepEqual(bandsOf([event(10, 'raised', { pt: 'other' })], [], 't', 0, 100e3, 90e3), []);
  assert.deepEqual(bandsOf([event(10, 'raised'), event(20, 'cleared')], [], 't', 50e3, 100e3, 90e3), []);
});
test('export: a gap is a row without a value, null is empty, never 0', () => {
  const series = { from: 0, to: 9000, u: 'Cel', count: 3, exact: true, t: [1000, 2000, 8000], v: [1.5, null, 0], gaps: [[3000, 8000, 'no data']] };
  const rows = rowsOf(series);
  assert.deepEqual(rows.map((one) => [one.t, one.v, one.gap ?? '']), [[1000, 1.5, ''], [2000, null, ''], [3000, null, 'no data'], [8000, 0, '']]);
  assert.equal(csv([['a', null, 0, undefined, Number.NaN, true, '=x', 'a,"b"']]), "a,,0,,,true,'=x,\"a,\"\"b\"\"\"\r\n");
});
