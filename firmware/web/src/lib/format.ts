// Values, ages, sizes and times in words. Pure: the locale and the page's clock come in.
import { t } from '../text/en';

const UNITS: Record<string, string> = {
  Cel: '°C', '[degF]': '°F', K: 'K', '%': '%', 'kW.h': 'kWh', 'W.h': 'Wh', 'm/s2': 'm/s²', 'm3/h': 'm³/h', m3: 'm³', 'L/min': 'l/min',
  hPa: 'hPa', deg: '°', Ohm: 'Ω', um: 'µm', 'ug/m3': 'µg/m³', '[ppm]': 'ppm', '[ppb]': 'ppb', lx: 'lx', 'dB[mW]': 'dBm',
};

export const unitText = (ucum: string | undefined): string => (ucum ? (UNITS[ucum] ?? ucum) : '');

export type Scalar = number | string | boolean | null;

// A step that prints back exactly: 20.6 has 1 digit, 0.25 has 2; never more than 6.
export function decimals(v: number): number {
  for (let digits = 0; digits < 6; ++digits) if (Math.abs(v - Number(v.toFixed(digits))) < 1e-9 * Math.max(1, Math.abs(v))) return digits;
  return 6;
}

// Making a formatter costs as much as a hundred uses of it.
const formats = new Map<string, Intl.NumberFormat>();
function formatOf(digits: number, grouping: boolean, locale: string | undefined): Intl.NumberFormat {
  const key = `${locale ?? ''}/${digits}/${grouping}`;
  let found = formats.get(key);
  if (!found) formats.set(key, (found = new Intl.NumberFormat(locale, { maximumFractionDigits: digits, useGrouping: grouping })));
  return found;
}

export function valueText(v: Scalar | undefined, locale?: string): string {
  if (v === null || v === undefined) return t.noValue;
  if (typeof v === 'boolean') return v ? t.on : t.off;
  if (typeof v === 'string') return v;
  if (!Number.isFinite(v)) return t.noValue;
  return formatOf(Math.min(decimals(v), 4), Math.abs(v) >= 1e5, locale).format(v).replace(/^-/, '−');
}

export function withUnit(v: Scalar | undefined, u: string | undefined, locale?: string): string {
  const text = valueText(v, locale);
  return v === null || v === undefined || !u ? text : `${text} ${unitText(u)}`;
}

export function ageText(ms: number): string {
  if (!Number.isFinite(ms)) return t.age.never;
  if (ms < 1500) return t.age.now;
  return t.age.ago(spanText(ms));
}

export function spanText(ms: number): string {
  const s = Math.round(ms / 1e3);
  if (ms < 950) return `${Math.round(ms)} ms`;
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  if (s < 172_800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86_400)} d`;
}

export function bytesText(n: number): string {
  if (n < 1024) return `${n} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let at = -1;
  let v = n;
  while (v >= 1024 && at < units.length - 1) {
    v /= 1024;
    ++at;
  }
  return `${v < 10 ? v.toFixed(1) : Math.round(v)} ${units[at]}`;
}

export const countText = (n: number, locale?: string): string => n.toLocaleString(locale);

export function timeText(at: string | number | null | undefined, locale?: string): string {
  if (at === null || at === undefined) return t.never;
  const when = new Date(at);
  if (Number.isNaN(when.getTime())) return t.never;
  let found = clocks.get(locale);
  if (!found) clocks.set(locale, (found = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' })));
  return found.format(when);
}
const clocks = new Map<string | undefined, Intl.DateTimeFormat>();

export const utcText = (at: string | number): string => new Date(at).toISOString();

// ---- staleness: the page's own judgement between two messages ----
export type Presence = 'online' | 'stale' | 'silent' | 'degraded' | 'unknown';

const UNKNOWN_AFTER = 600e3; // ms: of what speaks so seldom, or so new, that nobody knows when it is due

export function presence(ageMs: number, intervalS: number | undefined, streamDown: boolean, told?: string): Presence {
  if (!Number.isFinite(ageMs)) return 'unknown';
  if (!intervalS || intervalS <= 0) return streamDown ? 'stale' : ageMs > UNKNOWN_AFTER ? 'unknown' : told === 'degraded' ? 'degraded' : 'online';
  const usual = intervalS * 1e3;
  if (ageMs > Math.max(3 * usual, 5e3)) return 'silent';
  if (streamDown || ageMs > Math.max(2 * usual, 3e3)) return 'stale';
  return told === 'degraded' ? 'degraded' : 'online';
}

export function presenceReason(ageMs: number, intervalS: number | undefined): string {
  const age = ageText(ageMs);
  return intervalS && intervalS > 0 ? `${t.usually(spanText(intervalS * 1e3))}, ${t.lastSeen(age)}` : age;
}

export function quantile(sorted: number[], q: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))]!;
}
