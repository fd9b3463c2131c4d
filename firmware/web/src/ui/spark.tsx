import type { Signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { valueText } from '../lib/format';
import { t } from '../text/en';

const W = 120;
const H = 28;
const PACE = 300; // ms between two drawings of a sparkline: it is a shape, the number beside it is the value

// Values that are missing break the line.
export function sparkPath(values: (number | null)[]): { path: string; min: number; max: number } {
  const known = values.filter((v): v is number => v !== null && Number.isFinite(v));
  let min = Math.min(...known);
  let max = Math.max(...known);
  const span = max - min || 1;
  let pen = 'M';
  let path = '';
  values.forEach((v, i) => {
    if (v === null || !Number.isFinite(v)) {
      pen = 'M';
      return;
    }
    const x = values.length > 1 ? (i / (values.length - 1)) * (W - 2) + 1 : W / 2;
    path += `${pen}${x.toFixed(1)} ${(H - 2 - ((v - min) / span) * (H - 4)).toFixed(1)}`;
    pen = 'L';
  });
  return { path, min, max };
}

function Draw({ values, name }: { values: (number | null)[]; name: string }) {
  if (values.filter((v) => v !== null).length < 2) return <span class="spark" />;
  const { path, min, max } = sparkPath(values);
  return (
    <svg class="spark" viewBox={`0 0 ${W} ${H}`} role="img" aria-label={t.live.spark(name, valueText(min), valueText(max), values.length)} preserveAspectRatio="none">
      <path d={path} fill="none" stroke="currentColor" stroke-width="1.5" vector-effect="non-scaling-stroke" />
    </svg>
  );
}

export function Spark({ values, name }: { values: Signal<(number | null)[]>; name: string }) {
  const [shown, show] = useState(values.peek());
  const last = useRef(0);
  const timer = useRef(0);
  useEffect(() => {
    const stop = values.subscribe((next) => {
      clearTimeout(timer.current);
      const wait = last.current + PACE - performance.now();
      const draw = () => {
        last.current = performance.now();
        show(next);
      };
      if (wait <= 0) draw();
      else timer.current = setTimeout(draw, wait) as unknown as number;
    });
    return () => {
      stop();
      clearTimeout(timer.current);
    };
  }, [values]);
  return <Draw values={shown} name={name} />;
}
