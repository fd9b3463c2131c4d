// Samples on their way from the stream to a page: columns of plain values under a number per series, because a page
// on a slow computer pays for every object it takes in. Pure.
import type { Sample } from '../api/shapes';
import type { Scalar } from './format';

export interface Odd { // what most samples have not
  q?: string; // quality other than good
  u?: string; // the unit, when it has changed
  hist?: boolean;
}
export interface Rows {
  id: number[];
  v: Scalar[];
  rx: number[]; // ms since 1970 when the gateway took it in; NaN: not said
  odd: [row: number, what: Odd][];
  names: string[]; // device, point, unit, device, point, unit, … of the series `from` and following
  from: number;
}

// Numbers are given for good: as many as the gateway has points.
export class Packer {
  private readonly ids = new Map<string, number>();
  private readonly names: string[] = [];
  private rows: Rows | null = null;

  add(d: Sample): void {
    const rows = (this.rows ??= { id: [], v: [], rx: [], odd: [], names: [], from: 0 });
    const key = `${d.dev}/${d.pt}`;
    const unit = d.u ?? '';
    let id = this.ids.get(key);
    if (id === undefined) {
      id = this.ids.size;
      this.ids.set(key, id);
      this.names.push(d.dev, d.pt, unit);
    }
    const odd: Odd = {};
    if (unit !== this.names[3 * id + 2]) this.names[3 * id + 2] = odd.u = unit;
    if (d.q !== undefined && d.q !== 'good') odd.q = d.q;
    if (d.hist) odd.hist = true;
    if (odd.u !== undefined || odd.q || odd.hist) rows.odd.push([rows.id.length, odd]);
    rows.id.push(id);
    rows.v.push(d.v);
    rows.rx.push(Date.parse(d.rx ?? d.ts ?? ''));
  }

  get series(): number { return this.ids.size; }

  // What was added since the last time, without names.
  take(): Rows | null {
    const rows = this.rows;
    this.rows = null;
    return rows;
  }

  // The same rows for a reader that was told of the first `known` series.
  tell(rows: Rows, known: number): Rows {
    return { ...rows, names: this.names.slice(3 * known), from: known };
  }
}
