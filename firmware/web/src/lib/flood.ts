// Many alarms at once are shown by device, what came first on top. Nothing is left out.
import type { Alarm } from '../api/shapes';

const WINDOW = 600e3;
const ON = 10; // more new ones than this
const OFF = 5; // until at most this many

const at = (one: Alarm): number => Date.parse(one.since ?? one.ts ?? '') || 0;

export function flooding(before: boolean, all: Alarm[], now: number): boolean {
  const fresh = all.filter((one) => at(one) > now - WINDOW).length;
  return before ? fresh > OFF : fresh > ON;
}

export interface Group {
  dev: string;
  alarms: Alarm[]; // what came first on top
}

export function groupsOf(all: Alarm[]): Group[] {
  const groups = new Map<string, Alarm[]>();
  for (const one of [...all].sort((a, b) => at(a) - at(b) || a.alarm.localeCompare(b.alarm))) {
    const group = groups.get(one.dev);
    if (group) group.push(one);
    else groups.set(one.dev, [one]);
  }
  return [...groups].map(([dev, alarms]) => ({ dev, alarms }));
}
