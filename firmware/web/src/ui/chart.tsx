import { useEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import type { Series } from '../api/shapes';
import { announce } from '../lib/announce';
import { timeText, unitText, valueText, withUnit } from '../lib/format';
import type { Level } from '../lib/ruleform';
import type { Band } from '../lib/bands';
import { columns, extent, rangeOf } from '../lib/series';
import { theme } from '../lib/theme';
import { t } from '../text/en';

export interface Limit {
  level: Level;
  value: number;
  name: string;
}
interface Props {
  series: Series;
  name: string;
  limits?: Limit[];
  bands?: Band[]; // alarms, behind the line
  step?: number; // of one arrow key
  onLimit?: (level: Level, value: number) => void;
  onRange?: (from: number, to: number) => void;
}

const HEIGHT = 300;
const isReduced = (one: Series) => one.reduced ?? !one.exact;
const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function summaryOf(series: Series, name: string): string {
  const bounds = extent(series);
  const [from, to] = rangeOf(series);
  if (!bounds) return t.device.noHistory;
  return t.device.summary(name, timeText(from), timeText(to), withUnit(bounds[0], series.u), withUnit(bounds[1], series.u), series.count, series.gaps.length);
}

// Seconds only where they differ, days where the step is one.
function tickText(ms: number, stepS: number): string {
  const at = new Date(ms);
  if (stepS >= 86_400) return at.toLocaleDateString(undefined, { month: 'short', day: 'numeric' });
  return at.toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', ...(stepS < 60 ? { second: '2-digit' as const } : {}), hourCycle: 'h23' });
}

function options(props: Props, width: number, bounds: () => [number, number], onDraw: () => void): uPlot.Options {
  const unit = unitText(props.series.u);
  const line = colour('--chart');
  const axis: uPlot.Axis = { stroke: colour('--quiet'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 }, font: '12px system-ui, sans-serif' };
  const [from, to] = rangeOf(props.series);
  const label = (v: number) => `${valueText(v)}${unit ? ` ${unit}` : ''}`;
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: !!props.onRange, y: false, setScale: false }, y: false },
    scales: { x: { time: true, range: () => [from / 1e3, to / 1e3] }, y: { range: () => bounds() } },
    axes: [
      { ...axis, values: (_, ticks, __, ___, step) => ticks.map((at) => tickText(at * 1e3, step)), space: 80 },
      { ...axis, size: (_, texts) => 18 + 7 * Math.max(4, ...(texts ?? []).map((text) => text.length)), values: (_, ticks) => ticks.map(label) },
    ],
    series: [
      {},
      { stroke: line, width: 1.5, spanGaps: false, points: { show: props.series.t.length < 60, size: 5, fill: line } },
      { stroke: 'transparent', spanGaps: false, points: { show: false } },
      { stroke: 'transparent', spanGaps: false, points: { show: false } },
    ],
    bands: !isReduced(props.series) ? [] : [{ series: [3, 2], fill: colour('--band') }],
    hooks: {
      draw: [onDraw],
      setSelect: [(u) => {
        if (!props.onRange || u.select.width < 8) return;
        props.onRange(Math.round(u.posToVal(u.select.left, 'x') * 1e3), Math.round(u.posToVal(u.select.left + u.select.width, 'x') * 1e3));
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }],
    },
  };
}

export function Chart(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [drawn, setDrawn] = useState(0);
  const [Lib, setLib] = useState<typeof uPlot | null>(null);
  const limits = useRef<Limit[]>([]);
  limits.current = props.limits ?? [];

  const bounds = (): [number, number] => {
    const data = extent(props.series) ?? [0, 1];
    const all = [...data, ...limits.current.map((one) => one.value)];
    const low = Math.min(...all);
    const high = Math.max(...all);
    const room = (high - low || Math.abs(high) || 1) * 0.08;
    return [low - room, high + room];
  };

  useEffect(() => {
    let here = true;
    import('uplot').then((m) => here && setLib(() => m.default));
    return () => void (here = false);
  }, []);

  useEffect(() => {
    if (!Lib || !host.current) return;
    const box = host.current;
    const make = () => {
      plot.current?.destroy();
      plot.current = new Lib(options(props, box.clientWidth, bounds, () => setDrawn((n) => n + 1)), columns(props.series) as unknown as uPlot.AlignedData, box);
    };
    make();
    let width = box.clientWidth;
    const watch = new ResizeObserver(() => {
      if (box.clientWidth === width) return;
      width = box.clientWidth;
      plot.current?.setSize({ width, height: HEIGHT });
    });
    watch.observe(box);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', make);
    return () => {
      watch.disconnect();
      dark.removeEventListener('change', make);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [Lib, props.series, theme.value]);

  // A limit beyond the values makes the scale wider.
  const key = limits.current.map((one) => one.value).join();
  useEffect(() => {
    const u = plot.current;
    if (u) u.setScale('y', { min: bounds()[0], max: bounds()[1] });
  }, [key]);

  const summary = summaryOf(props.series, props.name);
  return (
    <figure class="chart">
      <div class="plot" ref={host} tabIndex={0} role="group" aria-label={summary} aria-describedby="chart-help" onKeyDown={(event) => zoomByKey(event, props)} onWheel={(event) => zoomByWheel(event, props, host.current!)}>
        {drawn > 0 && plot.current && (props.bands ?? []).map((one) => <BandBox key={`${one.alarm}${one.from}`} band={one} plot={plot.current!} />)}
        {drawn > 0 && plot.current && limits.current.map((one) => <LimitLine key={`${one.name}${one.level}${props.onLimit ? '' : one.value}`} limit={one} plot={plot.current!} step={props.step ?? 0.1} unit={props.series.u ?? ''} onLimit={props.onLimit} />)}
      </div>
      <figcaption><span>{summary}</span> {isReduced(props.series) && <span>{t.device.reduced} </span>}<span id="chart-help" class="quiet">{props.onRange ? t.device.chartHelp : props.onLimit ? t.editor.lineHelp : ''}</span></figcaption>
    </figure>
  );
}

function zoomByKey(event: KeyboardEvent, { series, onRange }: Props): void {
  if (!onRange || event.target !== event.currentTarget) return;
  const [from, to] = rangeOf(series);
  const span = to - from;
  const next: Record<string, [number, number]> = {
    '+': [from + span / 4, to - span / 4], '=': [from + span / 4, to - span / 4], '-': [from - span / 2, to + span / 2],
    ArrowLeft: [from - span / 4, to - span / 4], ArrowRight: [from + span / 4, to + span / 4], End: [Date.now() - span, Date.now()], Home: [0, 0],
  };
  const range = next[event.key];
  if (!range || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  onRange(Math.round(range[0]), Math.round(range[1]));
  if (range[1] > 0) announce(`${t.device.from} ${timeText(range[0])} ${t.device.to} ${timeText(range[1])}`);
}

// Ctrl is the sign that the chart is meant: the plain wheel scrolls the page.
function zoomByWheel(event: WheelEvent, { series, onRange }: Props, box: HTMLElement): void {
  if (!onRange || !event.ctrlKey) return;
  event.preventDefault();
  const [from, to] = rangeOf(series);
  const at = from + ((event.clientX - box.getBoundingClientRect().left) / box.clientWidth) * (to - from);
  const by = event.deltaY > 0 ? 1.5 : 1 / 1.5;
  onRange(Math.round(at - (at - from) * by), Math.round(at + (to - at) * by));
}

// Its words stand in the list below the chart; here it is a picture.
function BandBox({ band, plot }: { band: Band; plot: uPlot }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const one = box.current!;
    const over = plot.over;
    const left = Math.max(0, plot.valToPos(band.from / 1e3, 'x'));
    const right = Math.min(over.clientWidth, plot.valToPos(band.to / 1e3, 'x'));
    one.style.top = `${over.offsetTop}px`;
    one.style.height = `${over.clientHeight}px`;
    one.style.left = `${over.offsetLeft + left}px`;
    one.style.width = `${Math.max(2, right - left)}px`;
  });
  return <div ref={box} class={`alarm-band ${band.severity}`} aria-hidden="true" />;
}

interface LineProps {
  limit: Limit;
  plot: uPlot;
  step: number;
  unit: string;
  onLimit: ((level: Level, value: number) => void) | undefined;
}

function LimitLine({ limit, plot, step, unit, onLimit }: LineProps) {
  const line = useRef<HTMLDivElement>(null);
  const snap = (v: number) => Number((Math.round(v / step) * step).toFixed(Math.max(0, -Math.floor(Math.log10(step)))));
  useEffect(() => {
    const one = line.current!;
    const over = plot.over;
    one.style.top = `${over.offsetTop + plot.valToPos(limit.value, 'y')}px`;
    one.style.left = `${over.offsetLeft}px`;
    one.style.width = `${over.clientWidth}px`;
  });
  const drag = (event: PointerEvent) => {
    if (!onLimit || !(event.buttons & 1)) return;
    const box = plot.over.getBoundingClientRect();
    onLimit(limit.level, snap(plot.posToVal(event.clientY - box.top, 'y')));
  };
  const press = (event: KeyboardEvent) => {
    const by = ({ ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 } as Record<string, number>)[event.key];
    if (!by || !onLimit) return;
    event.preventDefault();
    event.stopPropagation();
    onLimit(limit.level, snap(limit.value + by * step * (event.shiftKey ? 10 : 1)));
  };
  const text = `${limit.name}: ${withUnit(limit.value, unit)}`;
  if (!onLimit) return <div ref={line} class={`limit ${limit.level}`}><span>{text}</span></div>;
  const [low, high] = [plot.scales.y!.min ?? 0, plot.scales.y!.max ?? 1];
  return (
    <div ref={line} class={`limit ${limit.level} movable`} role="slider" tabIndex={0} aria-orientation="vertical" aria-label={t.editor.line(limit.name)} aria-valuemin={low} aria-valuemax={high} aria-valuenow={limit.value} aria-valuetext={withUnit(limit.value, unit)}
      onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); event.stopPropagation(); }} onPointerMove={drag} onKeyDown={press}>
      <span>{text}</span>
    </div>
  );
}
