// What the page knows: session, values, alarms. Filled by requests, kept fresh by the stream, applied once per frame.
import { batch, computed, effect, signal, type Signal } from '@preact/signals';
import { get, onSessionEnd, problemOf, type Problem } from '../api/client';
import type { Alarm, Device, Page, Point, Sample, Session, Status } from '../api/shapes';
import type { ToWorker } from '../worker/stream-worker';
import { t } from '../text/en';
import { announce } from './announce';
import { simulated } from './sim';
import { presence, type Presence, type Scalar } from './format';
import { Pace } from './pace';
import type { Rows } from './rows';
import { StreamClient, type Envelope, type LinkState, type StreamNews } from './stream';
import { Trail } from './trail';

// ---- the page's clock: monotonic, ticks once a second ----
export const now = signal(performance.now());

export interface PointLive {
  dev: string;
  pt: string;
  u: string;
  value: Signal<Scalar | undefined>;
  quality: Signal<string>;
  at: Signal<number>; // performance.now() when it was measured; -Infinity: never
  interval: number; // s, 0: not known
  gaps: number; // heard here while the interval is not known
  since: number;
  spark: Trail;
  device: DeviceLive | null;
}
export interface DeviceLive {
  info: Device;
  at: Signal<number>;
  points: PointLive[];
  paint: ((now: number) => void) | null; // where it is on screen: writes what changed, called once per frame
}

export type Phase = 'starting' | 'claim' | 'login' | 'in' | 'unreachable';
export const phase = signal<Phase>('starting');
export const startProblem = signal<Problem | null>(null);
export const session = signal<Session | null>(null);
export const status = signal<Status | null>(null);
export const link = signal<LinkState>({ is: 'connecting' });
export const linkSince = signal(performance.now());
export const devices = signal<Map<string, DeviceLive>>(new Map());
export const devicesTotal = signal(0);
export const devicesNext = signal<string | null>(null);
export const devicesLoaded = signal(false);
export const alarms = signal<Map<string, Alarm>>(new Map());
export const alarmsLoaded = signal(false);
export const newcomers = signal(0); // rises when a device is heard that no list here has
export const missed = signal('');
export const latencies: number[] = []; // ms, the last 500: value received by the box -> in the frame
export const lastLatency = signal(Number.NaN); // looked at once a second

// Connecting at the start is not down: the lists are some milliseconds old.
const CONNECTING = 5e3;
export const streamDown = computed(() => link.value.is !== 'live' && !(link.value.is === 'connecting' && now.value - linkSince.value < CONNECTING));
export const may = (scope: string): boolean => session.value?.scopes.includes(scope) ?? false;

const LATENCIES = 500;
const points = new Map<string, PointLive>();

export function point(dev: string, pt: string): PointLive | undefined {
  return points.get(`${dev}/${pt}`);
}

function takePoint(dev: string, one: Point): PointLive {
  const key = `${dev}/${one.pt}`;
  const at = one.age_ms === undefined ? Number.NEGATIVE_INFINITY : performance.now() - one.age_ms;
  let live = points.get(key);
  if (!live) {
    live = { dev, pt: one.pt, u: one.u ?? '', value: signal(one.v), quality: signal(one.q ?? ''), at: signal(at), interval: one.interval_s ?? 0, gaps: -1, since: at, spark: new Trail(one.spark), device: null };
    points.set(key, live);
    return live;
  }
  live.interval = one.interval_s || live.interval;
  if (one.u) live.u = one.u;
  if (at >= live.at.peek() - 50) {
    live.value.value = one.v;
    live.quality.value = one.q ?? '';
    live.at.value = at;
    if (one.spark) live.spark.set(one.spark);
  }
  return live;
}

export function takeDevice(info: Device): DeviceLive {
  const at = performance.now() - info.age_ms;
  const live: DeviceLive = devices.peek().get(info.id) ?? { info, at: signal(at), points: [], paint: null };
  live.info = info;
  live.at.value = Math.max(at, live.at.peek());
  live.points = info.points.map((one) => takePoint(info.id, one));
  for (const one of live.points) one.device = live;
  touch(live);
  return live;
}

// Devices of another list than Live's: known from now on.
export function takeDevices(infos: Device[]): DeviceLive[] {
  const next = new Map(devices.peek());
  const got = infos.map((info) => takeDevice(info));
  for (const one of got) next.set(one.info.id, one);
  devices.value = next;
  return got;
}

export const deviceInterval = (one: DeviceLive): number => one.info.interval_s || Math.max(0, ...one.points.slice(0, 50).map((p) => p.interval));
export function devicePresence(one: DeviceLive): Presence {
  return presence(now.value - one.at.value, deviceInterval(one), streamDown.value, one.info.state);
}

// The same at this moment, for what is painted without a component.
export const presenceNow = (one: DeviceLive, at: number): Presence => presence(at - one.at.peek(), deviceInterval(one), streamDown.peek(), one.info.state);

// ---- lists ----
const PAGE = 100; // the first page is asked for by index.html, before this program is here
let early: Promise<void> | null = null;
export function loadDevices(more = false): Promise<void> {
  const going = more ? null : early;
  early = null;
  return going ?? askDevices(more);
}

async function askDevices(more: boolean): Promise<void> {
  const cursor = more && devicesNext.peek() ? `&cursor=${encodeURIComponent(devicesNext.peek()!)}` : '';
  const page = await get<Page<Device>>(`devices?limit=${PAGE}&points=1&spark=1${cursor}`);
  batch(() => {
    const next = new Map(devices.peek());
    for (const info of page.items) next.set(info.id, takeDevice(info));
    devices.value = next;
    devicesTotal.value = page.total ?? next.size;
    if (more || devicesNext.peek() === null || next.size <= PAGE) devicesNext.value = page.next ?? null;
    devicesLoaded.value = true;
  });
}

export async function loadDevice(id: string): Promise<DeviceLive> {
  const info = await get<Device>(`devices/${encodeURIComponent(id)}`);
  const live = takeDevice(info);
  if (!devices.peek().has(id)) devices.value = new Map(devices.peek()).set(id, live);
  else devices.value = new Map(devices.peek());
  return live;
}

export async function loadAlarms(): Promise<void> {
  const page = await get<Page<Alarm>>('alarms');
  alarms.value = new Map(page.items.map((one) => [one.alarm, one]));
  alarmsLoaded.value = true;
}

export const clockTrusted = computed(() => {
  const now = status.value;
  return typeof now?.clock === 'object' && now.clock ? now.clock.trusted : (now?.clock_trusted ?? true);
});

let wallOffset = Number.NaN; // gateway's wall clock minus performance.now()
let bestTrip = Number.POSITIVE_INFINITY;
export async function loadStatus(): Promise<void> {
  const from = performance.now();
  const got = await get<Status>('status');
  const trip = performance.now() - from;
  bestTrip *= 1.05; // clocks drift: an old measurement loses weight
  const clock = typeof got.clock === 'string' ? got.clock : got.clock?.time;
  if (clock && trip <= bestTrip) {
    bestTrip = trip;
    wallOffset = Date.parse(clock) - (from + trip / 2);
  }
  status.value = got;
  simulated.value = got.simulator ?? false;
}

// ---- what arrives ----
let queue: { events: Envelope[]; rows: Rows | null }[] = [];
let waiting: 'no' | 'pause' | 'frame' = 'no';
let pause = 0;
const pace = new Pace();
const painted = new MessageChannel(); // a message sent from a frame arrives when that frame is painted
painted.port1.onmessage = () => pace.painted(performance.now());
const touched = new Set<DeviceLive>(); // on screen, and something of it changed
const strangers = new Set<string>();
let strangerTimer = 0;

function take(news: { events: Envelope[]; rows: Rows | null }): void {
  queue.push(news);
  // A hidden page gets no frames; it applies what came once a second. Values may wait for their turn, alarms never.
  const wait = document.hidden ? 1000 : news.events.length > 0 ? 0 : pace.wait(performance.now());
  if (waiting === 'frame' || (waiting === 'pause' && wait > 0)) return;
  clearTimeout(pause);
  waiting = wait > 0 ? 'pause' : 'frame';
  if (waiting === 'frame') requestAnimationFrame(apply);
  else pause = setTimeout(() => (document.hidden ? apply() : ((waiting = 'frame'), requestAnimationFrame(apply))), wait) as unknown as number;
}

// Once per frame at the most: everything that came is taken in, then what is on screen is written.
function apply(): void {
  waiting = 'no';
  const start = performance.now();
  const news = queue;
  queue = [];
  batch(() => {
    for (const one of news) {
      for (const event of one.events) handle(event);
      if (one.rows) takeRows(one.rows);
    }
  });
  for (const one of touched) one.paint?.(start);
  touched.clear();
  if (document.hidden) return;
  pace.began(start);
  painted.port2.postMessage(0);
}

function touch(device: DeviceLive | null): void {
  if (device?.paint) touched.add(device);
}

function handle(one: Envelope): void {
  if (one.ev === 'snapshot') for (const d of one.d as Sample[]) takeRecord(d);
  else if (one.ev === 'alarm') takeAlarm(one.d as Alarm);
  else if (one.ev === 'gap') missed.value = t.gap(typeof one.missed === 'number' ? one.missed : null, String(one.reason ?? ''));
  else if (one.ev === 'device') takeState(one.d as DeviceState);
}

interface DeviceState {
  dev: string;
  state?: string;
  reason?: string;
}
function takeState(d: DeviceState): void {
  const known = devices.peek().get(d.dev);
  if (!known) return strangerSoon(d.dev);
  if (d.state) known.info = { ...known.info, state: d.state, reason: d.reason ?? '' };
}

function takeRecord(d: Sample | (Sample & Alarm)): void {
  if ('alarm' in d) return takeAlarm(d);
  if (!('pt' in d)) return;
  const live = points.get(`${d.dev}/${d.pt}`);
  if (live) takeValue(live, d.v, Date.parse(d.rx ?? d.ts ?? ''), d, true);
  else unlisted(d.dev);
}

// The series of the stream by number; the names come with the first rows of each.
const names: string[] = [];
const series: (PointLive | undefined)[] = [];

function takeRows(rows: Rows): void {
  rows.names.forEach((name, i) => (names[3 * rows.from + i] = name));
  const odd = new Map(rows.odd);
  for (let i = 0; i < rows.id.length; ++i) {
    const id = rows.id[i]!;
    const what = odd.get(i);
    if (what?.u !== undefined) names[3 * id + 2] = what.u;
    const live = (series[id] ??= points.get(`${names[3 * id]}/${names[3 * id + 1]}`));
    if (!live) {
      unlisted(names[3 * id] ?? '');
      continue;
    }
    if (names[3 * id + 2]) live.u = names[3 * id + 2]!;
    takeValue(live, rows.v[i]!, rows.rx[i]!, what, false);
  }
}

function takeValue(live: PointLive, v: Scalar, rxWall: number, what: { q?: string; u?: string; hist?: boolean } | undefined, snapshot: boolean): void {
  const rx = rxWall - wallOffset;
  const mine = performance.now();
  const old = what?.hist || snapshot;
  const at = old && Number.isFinite(rx) ? Math.min(rx, mine) : mine;
  if (old && at <= live.at.peek()) return;
  live.value.value = v;
  live.quality.value = what?.q ?? '';
  live.at.value = at;
  if (live.interval === 0 && !old) learn(live, at);
  if (snapshot && what?.u) live.u = what.u;
  const device = live.device;
  if (device && device.at.peek() < at) device.at.value = at;
  if (typeof v !== 'string' && !(snapshot && live.spark.values.length > 0)) live.spark.add(v === null ? null : Number(v));
  touch(device);
  if (old || !Number.isFinite(rx)) return;
  if (mine < rx) wallOffset += rx - mine; // nothing arrives before it was sent
  measured(Math.max(0, mine - rx));
}

// A device the gateway had hardly heard when it was listed: how often it speaks, by the gateway's rule of five gaps.
const GAPS = 5;
function learn(live: PointLive, at: number): void {
  live.gaps += 1;
  if (live.gaps === 0) live.since = at;
  if (live.gaps >= GAPS) live.interval = Math.max(1, (at - live.since) / 1e3 / live.gaps);
}

function measured(ms: number): void {
  latencies.push(ms);
  if (latencies.length > LATENCIES) latencies.shift();
}

// Values of devices on pages of the list that were not asked for are no news.
function unlisted(dev: string): void {
  if (devicesNext.peek() === null) strangerSoon(dev);
}

// A device nobody listed yet: ask for the list again, once for many.
function strangerSoon(dev: string): void {
  if (!dev || dev === 'gateway' || strangers.has(dev)) return;
  strangers.add(dev);
  if (strangerTimer === 0)
    strangerTimer = setTimeout(() => {
      strangerTimer = 0;
      const asked = [...strangers];
      newcomers.value += 1;
      if (!devicesLoaded.peek()) return void setTimeout(() => asked.forEach((one) => strangers.delete(one)), 5000);
      const loading = asked.length > 3 || devices.peek().size < PAGE ? loadDevices() : Promise.all(asked.map(loadDevice));
      loading.catch(() => {}).finally(() => setTimeout(() => asked.forEach((one) => strangers.delete(one)), 5000));
    }, 200) as unknown as number;
}

function takeAlarm(d: Alarm): void {
  const next = new Map(alarms.peek());
  const before = next.get(d.alarm);
  const gone = d.state === 'normal' || d.change === 'closed';
  if (gone) next.delete(d.alarm);
  else next.set(d.alarm, { ...before, ...d, since: d.change === 'raised' || !before ? (d.since ?? d.ts) : before.since });
  alarms.value = next;
  if (!gone && !before && alarmsLoaded.peek()) announce(t.alarms.announce(d.severity, d.text || d.alarm), d.severity === 'critical');
}

// ---- the stream: in the shared worker, or here while this tab is visible ----
let worker: MessagePort | null = null;
let local: StreamClient | null = null;
let channels: string[] = [];
const ALWAYS = ['alarms/#', 'devices/#', 'uplinks/#', 'system/#'];

function hear(news: StreamNews): void {
  if ('events' in news) return take(news);
  const before = link.peek();
  if (before.is !== news.link.is || news.link.is === 'down') linkSince.value = performance.now();
  link.value = news.link;
  if (news.link.is === 'refused') phase.value = 'login';
  if (news.link.is === 'live' && before.is === 'down') refresh().catch(() => {}); // what was missed meanwhile
}

function tell(message: ToWorker): void {
  worker?.postMessage(message);
}

export function startStream(): void {
  if (worker || local) return retry();
  if (typeof SharedWorker === 'function') {
    try {
      const shared = new SharedWorker(new URL('../worker/stream-worker.ts', import.meta.url), { type: 'module', name: 'fogline' });
      worker = shared.port;
      worker.onmessage = ({ data }: MessageEvent<StreamNews>) => hear(data);
      shared.onerror = () => alone();
      addEventListener('pagehide', () => tell({ bye: true }));
      addEventListener('pageshow', (event) => { if (event.persisted) ask(); });
      setInterval(() => tell({ here: true }), 20e3);
    } catch {
      alone();
    }
  } else {
    alone();
  }
  ask();
}

// Without a worker a hidden tab must not hold one of the six connections a browser has.
function alone(): void {
  worker = null;
  let told = 0;
  const client = new StreamClient((news) => {
    if (!('rows' in news) || !news.rows) return hear(news);
    hear({ ...news, rows: client.packer.tell(news.rows, told) });
    told = client.packer.series;
  }, location.origin);
  local = client;
  document.addEventListener('visibilitychange', () => (document.hidden ? local!.close() : local!.retry()));
  ask();
}

function ask(): void {
  tell({ ask: channels });
  local?.ask(channels);
}

export function showing(more: string[]): void {
  channels = [...ALWAYS, ...more];
  if (phase.peek() === 'in') ask();
}

export function retry(): void {
  tell({ retry: true });
  local?.retry();
}

async function refresh(): Promise<void> {
  await Promise.all([loadStatus(), loadAlarms(), devicesLoaded.peek() ? loadDevices() : null]);
}

// ---- coming in ----
export async function enter(): Promise<void> {
  early = askDevices(false);
  const list = early.catch(() => {}); // whoever shows the list says what went wrong
  try {
    session.value = await get<Session>('session');
    await Promise.race([list, new Promise((done) => setTimeout(done, TOGETHER))]); // the page comes whole, not in steps
    phase.value = 'in';
    startProblem.value = null;
    afterTiles(() => {
      startStream();
      loadStatus().catch(() => {});
      loadAlarms().catch(() => {});
    });
  } catch (error) {
    await stayOut(problemOf(error));
  }
}

// Nobody is signed in: is there an owner at all?
async function stayOut(problem: Problem): Promise<void> {
  startProblem.value = problem;
  if (problem.status === 0 || problem.status >= 500) return void (phase.value = 'unreachable');
  try {
    phase.value = (await get<{ claimed: boolean }>('claim')).claimed ? 'login' : 'claim';
  } catch (error) {
    startProblem.value = problemOf(error);
    phase.value = 'unreachable';
  }
}

// The first tiles need six requests; the rest waits for them, but not for long.
const PATIENCE = 400;
const HIDDEN = 2e3;
const TOGETHER = 150;
function afterTiles(work: () => void): void {
  let done = false;
  const once = () => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    work();
  };
  let timer = setTimeout(once, PATIENCE);
  const stop = devicesLoaded.subscribe((loaded) => {
    if (!loaded || done) return;
    clearTimeout(timer);
    timer = setTimeout(once, HIDDEN); // a hidden page gets no frame
    requestAnimationFrame(() => setTimeout(() => { stop(); once(); })); // painted
  });
}

export function startClocks(): void {
  setInterval(() => {
    if (document.hidden) return;
    now.value = performance.now();
    if (latencies.length > 0) lastLatency.value = latencies[latencies.length - 1]!;
  }, 1000);
  setInterval(() => {
    if (phase.peek() === 'in' && !document.hidden) loadStatus().catch(() => {});
  }, 5000);
  document.addEventListener('visibilitychange', () => (now.value = performance.now()));
  onSessionEnd(() => {
    if (phase.peek() === 'in') phase.value = 'login';
  });
  effect(() => {
    if (phase.value === 'unreachable') setTimeout(() => void enter(), 3000);
  });
}
