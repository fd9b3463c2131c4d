// Recorded values as a chart and a table want them: a gap stays a gap.
import type { Series } from '../api/shapes';

export type Columns = [number[], (number | null)[], (number | null)[], (number | null)[]];
const ms = (at: number | string): number => (typeof at === 'number' ? at : Date.parse(at));

export const rangeOf = (one: Series): [number, number] => [ms(one.from), ms(one.to)];

// A log younger than the range: the chart begins with it, and says so.
export function trim(one: Series): Series & { begins?: number } {
  const [from, to] = rangeOf(one);
  const first = one.gaps[0];
  const start = one.t[0];
  // Where the gap ends and the first value lies differ by the way from the sensor to the log.
  if (!first || start === undefined || first[0] > from + 1 || start < from + 0.9 * (first[1] - from)) return one;
  const begins = Math.min(start, to - 60e3);
  return { ...one, from: Math.max(from, Math.floor(begins - (to - begins) * 0.02)), gaps: one.gaps.slice(1), begins: start };
}

// t in seconds, value, min, max; a missing stretch gets a point without a value, so no line is drawn over it.
export function columns(one: Series): Columns {
  const rows: [number, number | null, number | null, number | null][] = one.t.map((at, i) => {
    const v = number(one.v[i]);
    return [at / 1e3, v, number(one.min?.[i]) ?? v, number(one.max?.[i]) ?? v];
  });
  for (const [from, to] of one.gaps) rows.push([(from + 1) / 1e3, null, null, null], [Math.max(from + 1, to - 1) / 1e3, null, null, null]);
  rows.sort((a, b) => a[0] - b[0]);
  return [rows.map((r) => r[0]), rows.map((r) => r[1]), rows.map((r) => r[2]), rows.map((r) => r[3])];
}

const number = (v: unknown): number | null => (typeof v === 'number' && Number.isFinite(v) ? v : typeof v === 'boolean' ? Number(v) : null);

export interface Bucket {
  from: number;
  to: number;
  min: number | null;
  mean: number | null;
  max: number | null;
  count: number;
  gap: string; // reason, where nothing was recorded
}

const STEPS = [1e4, 3e4, 6e4, 3e5, 6e5, 18e5, 36e5, 108e5, 216e5, 864e5];

export function buckets(one: Series, most = 24): Bucket[] {
  const [from, to] = rangeOf(one);
  const step = STEPS.find((s) => (to - from) / s <= most) ?? (to - from) / most;
  const out: Bucket[] = [];
  let at = 0;
  for (let start = Math.floor(from / step) * step; start < to; start += step) {
    const end = start + step;
    const bucket: Bucket = { from: start, to: end, min: null, mean: null, max: null, count: 0, gap: '' };
    let sum = 0;
    for (; at < one.t.length && one.t[at]! < end; ++at) {
      const v = number(one.v[at]);
      if (v === null) continue;
      const low = number(one.min?.[at]) ?? v;
      const high = number(one.max?.[at]) ?? v;
      bucket.min = Math.min(bucket.min ?? low, low);
      bucket.max = Math.max(bucket.max ?? high, high);
      sum += v;
      ++bucket.count;
    }
    if (bucket.count > 0) bucket.mean = sum / bucket.count;
    else bucket.gap = one.gaps.find(([a, b]) => a < end && b > start)?.[2] ?? '';
    out.push(bucket);
  }
  return out;
}

export function extent(one: Series): [number, number] | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  one.t.forEach((_, i) => {
    const v = number(one.v[i]);
    if (v === null) return;
    low = Math.min(low, number(one.min?.[i]) ?? v);
    high = Math.max(high, number(one.max?.[i]) ?? v);
  });
  return low <= high ? [low, high] : null;
}

// One arrow key moves a limit by this much: what the values resolve to.
export function resolution(one: Series | null): number {
  const bounds = one && extent(one);
  if (!bounds || bounds[0] === bounds[1]) return 0.1;
  return 10 ** Math.floor(Math.log10((bounds[1] - bounds[0]) / 50));
}

export interface ShownRow {
  t: number;
  v: number | string | boolean | null;
  min?: number | null;
  max?: number | null;
  until?: number; // of a gap
  gap?: string; // why there is nothing
}

// What is shown, one row for each value and each gap, in order: for files.
export function rowsOf(one: Series): ShownRow[] {
  const [from, to] = rangeOf(one);
  const rows: ShownRow[] = one.t.map((t, i) => ({ t, v: one.v[i] ?? null, ...(one.min?.length ? { min: one.min[i] ?? null, max: one.max?.[i] ?? null } : {}) }));
  for (const [a, b, gap] of one.gaps) rows.push({ t: Math.max(a, from), v: null, until: Math.min(b, to), gap });
  return rows.sort((a, b) => a.t - b.t);
}
