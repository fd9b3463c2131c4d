// When an alarm stood, from the events of the log: what is drawn behind the line.
import type { Alarm, LogItem } from '../api/shapes';

export interface Band {
  alarm: string;
  rule: string;
  severity: string;
  text: string;
  from: number; // ms
  to: number;
  open: boolean; // it still stands
}
const ENDS = new Set(['cleared', 'closed']);
const word = (one: unknown): string => (typeof one === 'string' ? one : '');

// `items`: events of kind alarm of one device, in any order; `standing`: alarms that are not normal now.
export function bandsOf(items: LogItem[], standing: Iterable<Alarm>, pt: string, from: number, to: number, now: number): Band[] {
  const open = new Map<string, Band>();
  const out: Band[] = [];
  const close = (band: Band, at: number) => {
    open.delete(band.alarm);
    band.to = at;
    band.open = false;
    if (at > from && band.from < to) out.push(band);
  };
  const rows = items.filter(({ d }) => !d.pt || d.pt === pt).map(({ d }) => ({ d, at: Date.parse(word(d.ts)) })).filter((one) => Number.isFinite(one.at)).sort((a, b) => a.at - b.at);
  for (const { d, at } of rows) {
    const alarm = word(d.alarm);
    const known = open.get(alarm);
    const made = (since: number): Band => ({ alarm, rule: word(d.rule), severity: word(d.severity) || 'low', text: word(d.text), from: since, to: now, open: true });
    if (d.change === 'raised') {
      if (known) close(known, at);
      open.set(alarm, made(at));
    } else if (ENDS.has(word(d.change))) {
      close(known ?? made(from), at); // it was raised before the part that is looked at
    } else if (known) {
      known.severity = word(d.severity) || known.severity; // it became worse, or better
    }
  }
  for (const one of standing) { // raised before, and nothing happened since
    const since = Date.parse(one.since ?? one.ts ?? '');
    if (!one.state.startsWith('active') || (one.pt && one.pt !== pt) || open.has(one.alarm) || !Number.isFinite(since)) continue;
    open.set(one.alarm, { alarm: one.alarm, rule: one.rule ?? '', severity: one.severity, text: one.text, from: since, to: now, open: true });
  }
  for (const band of open.values()) if (band.from < to && now > from) out.push({ ...band, to: Math.min(now, to) });
  return out.map((one) => ({ ...one, from: Math.max(one.from, from), to: Math.min(one.to, to) })).sort((a, b) => a.from - b.from);
}
