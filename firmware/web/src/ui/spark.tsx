import { useEffect, useState } from 'preact/hooks';
import { valueText } from '../lib/format';
import type { Trail } from '../lib/trail';
import { t } from '../text/en';

export const W = 120;
export const H = 28;
export const PACE = 500; // ms between two drawings of a sparkline: it is a shape, the number beside it is the value

// Values that are missing break the line. Tenths of a unit are finer than a pixel.
export function sparkPath(values: (number | null)[]): { path: string; min: number; max: number; known: number } {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let known = 0;
  for (const v of values) {
    if (v === null || !Number.isFinite(v)) continue;
    ++known;
    if (v < min) min = v;
    if (v > max) max = v;
  }
  const tall = (10 * (H - 4)) / (max - min || 1);
  const wide = values.length > 1 ? (10 * (W - 2)) / (values.length - 1) : 0;
  const left = values.length > 1 ? 10 : 5 * W;
  let pen = 'M';
  let path = '';
  for (let i = 0; i < values.length; ++i) {
    const v = values[i]!;
    if (v === null || !Number.isFinite(v)) {
      pen = 'M';
      continue;
    }
    path += `${pen}${Math.round(left + i * wide) / 10} ${(10 * (H - 2) - Math.round((v - min) * tall)) / 10}`;
    pen = 'L';
  }
  return { path, min, max, known };
}

export const sparkWords = (name: string, min: number, max: number, n: number): string => t.live.spark(name, valueText(min), valueText(max), n);

export function Spark({ values, name }: { values: Trail; name: string }) {
  const [, draw] = useState(0);
  useEffect(() => {
    let last = performance.now();
    let timer = 0;
    const stop = values.beat.subscribe((beat) => {
      if (timer !== 0) return;
      timer = setTimeout(() => {
        timer = 0;
        last = performance.now();
        draw(beat);
      }, Math.max(0, last + PACE - performance.now())) as unknown as number;
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [values]);
  const { path, min, max, known } = sparkPath(values.values);
  if (known < 2) return <span class="spark" />;
  return (
    <svg class="spark" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={sparkWords(name, min, max, values.values.length)} preserveAspectRatio="none">
      <path d={path} fill="none" stroke="currentColor" stroke-width="1.5" vector-effect="non-scaling-stroke" />
    </svg>
  );
}
