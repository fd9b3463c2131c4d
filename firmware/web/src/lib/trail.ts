// The last values of a point: what its sparkline shows. Changed in place; `beat` says that it was.
import { signal, type Signal } from '@preact/signals';

export const TRAIL = 60;

export class Trail {
  readonly beat: Signal<number> = signal(0);
  values: (number | null)[];

  constructor(values: (number | null)[] = []) {
    this.values = values.slice(-TRAIL);
  }

  set(values: (number | null)[]): void {
    this.values = values.slice(-TRAIL);
    ++this.beat.value;
  }

  add(v: number | null): void {
    if (this.values.length >= TRAIL) this.values.shift();
    this.values.push(v);
    ++this.beat.value;
  }
}
