// What of a tile changes by itself: values, sparklines, age, state. Written to the page directly and only while the
// tile is on screen or near it: comparing a component tree for each value costs more than everything else together.
import { signal } from '@preact/signals';
import { ageText, presence, spanText, unitText, valueText, type Presence, type Scalar } from '../lib/format';
import { deviceInterval, presenceNow, streamDown, type DeviceLive, type PointLive } from '../lib/store';
import { t } from '../text/en';
import { H, PACE, sparkPath, sparkWords, W } from './spark';

export const VALUES = 4; // of one device on its tile
const SPARKS = 8; // drawn in one frame; the others in the next ones
const WIDE = 8; // characters of a name that fit beside a whole sparkline
const ROOM = 8.4; // what the room for a value holds, in characters of the number
const SVG = 'http://www.w3.org/2000/svg';

function element(name: string, kind: string): HTMLElement {
  const made = document.createElement(name);
  made.className = kind;
  return made;
}

let model: HTMLElement | null = null;
function copyOfModel(): HTMLElement {
  if (!model) {
    model = document.createElement('li');
    const spark = document.createElementNS(SVG, 'svg');
    const path = document.createElementNS(SVG, 'path');
    for (const [name, value] of [['class', 'spark'], ['viewBox', `0 0 ${W} ${H}`], ['preserveAspectRatio', 'none'], ['aria-hidden', 'true']] as const) spark.setAttribute(name, value);
    for (const [name, value] of [['fill', 'none'], ['stroke', 'currentColor'], ['stroke-width', '1.5'], ['vector-effect', 'non-scaling-stroke']] as const) path.setAttribute(name, value);
    spark.append(path);
    const value = element('span', 'value');
    const room = element('span', 'room');
    const number = document.createElement('b');
    number.append('');
    for (const one of [number, element('span', 'unit'), element('span', 'quality')]) room.append(one);
    value.append(room);
    const trace = element('span', 'trace');
    trace.append(element('span', 'room'));
    trace.firstChild!.appendChild(spark);
    model.append(element('span', 'pt'), trace, value);
  }
  return model.cloneNode(true) as HTMLElement;
}

let frame = Number.NaN;
let sparks = 0; // drawn in this frame

class Row {
  readonly li = copyOfModel();
  private readonly spark = this.li.children[1]!.firstChild!.firstChild as SVGElement;
  private readonly path = this.spark.firstChild as SVGPathElement;
  private readonly value = this.li.children[2] as HTMLElement;
  private readonly parts = this.value.firstChild!.childNodes;
  private readonly number = this.parts[0]!.firstChild as Text;
  private v: Scalar | undefined;
  private u = '';
  private q = '';
  private kind = 'value';
  private written = false;
  private drawn = Number.NEGATIVE_INFINITY;
  private beat = -1;
  private line = '';

  constructor(readonly point: PointLive) {
    // ds18b20.temperature breaks after the dot, not in a word, and its sparkline makes room.
    for (const part of point.pt.split(/(?<=[._-])/)) (this.li.firstChild as HTMLElement).append(part, document.createElement('wbr'));
    if (point.pt.length > WIDE) this.li.dataset.wide = '';
  }

  paint(now: number): void {
    const v = this.point.value.peek();
    const q = this.point.quality.peek();
    if (!this.written || v !== this.v || q !== this.q || this.point.u !== this.u) this.write(v, q);
    const missing = v === null || v === undefined;
    const fresh = presence(now - this.point.at.peek(), this.point.interval, streamDown.peek()) === 'online';
    const kind = `value${fresh ? '' : ' old'}${missing ? ' missing' : ''}`;
    if (kind !== this.kind) this.value.className = this.kind = kind;
    if (now - this.drawn >= PACE && this.point.spark.beat.peek() !== this.beat && sparks < SPARKS) this.draw(now);
  }

  private write(v: Scalar | undefined, q: string): void {
    this.written = true;
    [this.v, this.q, this.u] = [v, q, this.point.u];
    const text = valueText(v);
    const unit = v !== null && v !== undefined && this.u ? ` ${unitText(this.u)}` : '';
    const quality = q && q !== 'good' ? ` ${q}` : '';
    if (this.number.data !== text) this.number.data = text;
    if (this.parts[1]!.textContent !== unit) this.parts[1]!.textContent = unit;
    if (this.parts[2]!.textContent !== quality) this.parts[2]!.textContent = quality;
    // What fits has a box of its own size: nothing around it is laid out again when it changes.
    const long = typeof v === 'string' || text.length + 0.75 * (unit.length + quality.length) > ROOM;
    if (long !== (this.li.className === 'long')) this.li.className = long ? 'long' : '';
  }

  private draw(now: number): void {
    ++sparks;
    this.drawn = now;
    this.beat = this.point.spark.beat.peek();
    const { values } = this.point.spark;
    const { path, min, max, known } = sparkPath(values);
    if (known < 2 || path === this.line) return;
    if (this.line === '') {
      this.spark.removeAttribute('aria-hidden');
      this.spark.setAttribute('role', 'img');
    }
    this.line = path;
    this.path.setAttribute('d', path);
    const words = sparkWords(this.point.pt, min, max, values.length);
    if (this.spark.getAttribute('aria-label') !== words) this.spark.setAttribute('aria-label', words);
  }
}

export class TileView {
  readonly state = signal<Presence>('unknown');
  readonly reason = signal('');
  private rows: Row[] = [];
  private list: Element | null = null;
  private age: Text | null = null;

  constructor(readonly device: DeviceLive) {
    this.judge(performance.now());
  }

  // The parts of the tile that are ours.
  take(list: Element, age: Element): void {
    this.list = list;
    this.rows = [];
    list.replaceChildren();
    age.replaceChildren((this.age = document.createTextNode('')));
    this.paint(performance.now());
  }

  show(): void {
    this.device.paint = (now) => this.paint(now);
    this.paint(performance.now());
  }

  hide(): void {
    this.device.paint = null;
  }

  // The point under the pointer, for its exact value.
  pointAt(target: EventTarget | null): PointLive | undefined {
    return target instanceof Element ? this.rows.find((row) => row.li.contains(target))?.point : undefined;
  }

  paint(now: number): void {
    if (now !== frame) {
      frame = now;
      sparks = 0;
    }
    if (this.device.paint) this.fill();
    for (const row of this.rows) row.paint(now);
    this.judge(now);
  }

  private fill(): void {
    const { points } = this.device;
    const n = Math.min(points.length, VALUES);
    if (this.rows.length === n && this.rows.every((row, i) => row.point === points[i])) return;
    this.rows = points.slice(0, n).map((one) => new Row(one));
    sparks = -SPARKS; // a new tile comes whole
    this.list?.replaceChildren(...this.rows.map((row) => row.li));
  }

  private judge(now: number): void {
    const state = presenceNow(this.device, now);
    const usual = deviceInterval(this.device);
    if (state !== this.state.peek()) this.state.value = state;
    const reason = state === 'online' || usual <= 0 ? '' : t.usually(spanText(usual * 1e3));
    if (reason !== this.reason.peek()) this.reason.value = reason;
    const age = ageText(now - this.device.at.peek());
    if (this.age && this.age.data !== age) this.age.data = age;
  }
}
