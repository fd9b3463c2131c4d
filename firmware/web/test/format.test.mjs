import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from './load.mjs';

const f = await load('lib/format.ts');

test('values: what is missing is said, never shown as 0', () => {
  for (const v of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) assert.equal(f.valueText(v), 'no value');
  assert.equal(f.withUnit(null, 'Cel'), 'no value');
  assert.equal(f.valueText(0), '0');
});

test('values: digits as they came, unit always there, a real minus', () => {
  assert.equal(f.withUnit(-20.6, 'Cel', 'en'), '−20.6 °C');
  assert.equal(f.withUnit(0.25, 'kW.h', 'en'), '0.25 kWh');
  assert.equal(f.valueText(0.1 + 0.2, 'en'), '0.3');
  assert.equal(f.valueText(1013.25, 'de'), '1013,25');
  assert.equal(f.valueText(true), 'on');
  assert.equal(f.valueText('<img onerror=x>'), '<img onerror=x>');
  assert.equal(f.withUnit(5, 'nobody.knows', 'en'), '5 nobody.knows');
});

test('ages: seconds, minutes, hours, days; never heard is said', () => {
  assert.deepEqual([400, 5e3, 12 * 60e3, 5 * 36e5, 3 * 864e5].map(f.ageText), ['now', '5 s ago', '12 min ago', '5 h ago', '3 d ago']);
  assert.equal(f.ageText(Number.POSITIVE_INFINITY), 'never');
});

test('presence: stale after two intervals, silent after three and five seconds', () => {
  assert.equal(f.presence(1e3, 1, false), 'online');
  assert.equal(f.presence(3.1e3, 1, false), 'stale');
  assert.equal(f.presence(4.9e3, 1, false), 'stale', 'three intervals, but not yet five seconds');
  assert.equal(f.presence(5.1e3, 1, false), 'silent');
  assert.equal(f.presence(119e3, 60, false), 'online');
  assert.equal(f.presence(121e3, 60, false), 'stale');
  assert.equal(f.presence(181e3, 60, false), 'silent');
  assert.equal(f.presence(100, 60, true), 'stale', 'nothing is fresh while the stream is down');
  assert.equal(f.presence(599e3, 0, false), 'online', 'nobody knows yet how often it speaks');
  assert.equal(f.presence(601e3, 0, false), 'unknown');
  assert.equal(f.presence(100, 0, true), 'stale');
  assert.equal(f.presence(Number.POSITIVE_INFINITY, 1, false), 'unknown');
  assert.equal(f.presence(100, 60, false, 'degraded'), 'degraded');
});

test('quantiles: nearest rank; none of nothing', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => i + 1);
  assert.equal(f.quantile(hundred, 0.5), 50);
  assert.equal(f.quantile(hundred, 0.95), 95);
  assert.equal(f.quantile(hundred, 1), 100);
  assert.ok(Number.isNaN(f.quantile([], 0.5)));
});

test('sizes and times', () => {
  assert.deepEqual([0, 1023, 1536, 5 << 20].map(f.bytesText), ['0 B', '1023 B', '1.5 KiB', '5.0 MiB']);
  assert.equal(f.timeText(null), 'never');
  assert.equal(f.timeText('no time'), 'never');
});

test('the daemon’s histogram: quantiles over all classes, the edge above', async () => {
  const { quantilesOf } = await load('lib/metrics.ts');
  const text = ['x_bucket{class="a",le="0.001"} 5', 'x_bucket{class="a",le="0.1"} 9', 'x_bucket{class="a",le="+Inf"} 10',
    'x_bucket{class="b",le="0.001"} 5', 'x_bucket{class="b",le="0.1"} 10', 'x_bucket{class="b",le="+Inf"} 10', 'y_bucket{le="1"} 99'].join('\n');
  assert.deepEqual(quantilesOf(text, 'x'), { count: 20, p50: 1, p95: 100, max: 100 });
  assert.equal(quantilesOf('', 'x').count, 0);
});
