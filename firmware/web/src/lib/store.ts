// What the page knows: session, values, alarms. Filled by requests, kept fresh by the stream, applied once per frame.
import { batch, computed, effect, signal, type Signal } from '@preact/signals';
import { get, onSessionEnd, problemOf, type Problem } from '../api/client';
import type { Alarm, Device, Page, Point, Sample, Session, Status } from '../api/shapes';
import type { ToWorker } from '../worker/stream-worker';
import { t } from '../text/en';
import { announce } from './announce';
import { simulated } from './sim';
import { presence, type Presence, type Scalar } from './format';
import { StreamClient, type Envelope, type LinkState, type StreamNews } from './stream';

// ---- the page's clock: monotonic, ticks once a second ----
export const now = signal(performance.now());

export interface PointLive {
  dev: string;
  pt: string;
  u: string;
  value: Signal<Scalar | undefined>;
  quality: Signal<string>;
  at: Signal<number>; // performance.now() when it was measured; -Infinity: never
  interval: number; // s
  spark: Signal<(number | null)[]>;
}
export interface DeviceLive {
  info: Device;
  at: Signal<number>;
  points: PointLive[];
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
export const lastLatency = signal(Number.NaN);

// Connecting at the start is not down: the lists are some milliseconds old.
const CONNECTING = 5e3;
export const streamDown = computed(() => link.value.is !== 'live' && !(link.value.is === 'connecting' && now.value - linkSince.value < CONNECTING));
export const may = (scope: string): boolean => session.value?.scopes.includes(scope) ?? false;

const SPARK = 60;
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
    live = { dev, pt: one.pt, u: one.u ?? '', value: signal(one.v), quality: signal(one.q ?? ''), at: signal(at), interval: one.interval_s ?? 0, spark: signal(one.spark ?? []) };
    points.set(key, live);
    return live;
  }
  live.interval = one.interval_s ?? live.interval;
  if (one.u) live.u = one.u;
  if (at >= live.at.peek() - 50) {
    live.value.value = one.v;
    live.quality.value = one.q ?? '';
    live.at.value = at;
    if (one.spark) live.spark.value = one.spark;
  }
  return live;
}

export function takeDevice(info: Device): DeviceLive {
  const at = performance.now() - info.age_ms;
  const live: DeviceLive = devices.peek().get(info.id) ?? { info, at: signal(at), points: [] };
  live.info = info;
  live.at.value = Math.max(at, live.at.peek());
  live.points = info.points.map((one) => takePoint(info.id, one));
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

// ---- lists ----
const PAGE = 100;
export async function loadDevices(more = false): Promise<void> {
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
let queue: Envelope[] = [];
let frame = 0;
const strangers = new Set<string>();
let strangerTimer = 0;

function take(events: Envelope[]): void {
  queue.push(...events);
  if (frame !== 0) return;
  // A hidden page gets no frames; it applies what came once a second.
  if (document.hidden) frame = setTimeout(apply, 1000) as unknown as number;
  else frame = requestAnimationFrame(apply);
}

function apply(): void {
  frame = 0;
  const events = queue;
  queue = [];
  batch(() => {
    for (const one of events) handle(one);
  });
}

function handle(one: Envelope): void {
  if (one.ev === 'sample') takeSample(one.d as Sample, false);
  else if (one.ev === 'snapshot') for (const d of one.d as Sample[]) takeRecord(d);
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
  if ('alarm' in d) takeAlarm(d);
  else if ('pt' in d) takeSample(d, true);
}

function takeSample(d: Sample, snapshot: boolean): void {
  const live = points.get(`${d.dev}/${d.pt}`);
  if (!live) return strangerSoon(d.dev);
  const rx = Date.parse(d.rx ?? d.ts ?? '') - wallOffset;
  const mine = performance.now();
  const old = d.hist || snapshot;
  const at = old && Number.isFinite(rx) ? Math.min(rx, mine) : mine;
  if (old && at <= live.at.peek()) return;
  live.value.value = d.v;
  live.quality.value = d.q ?? '';
  live.at.value = at;
  if (d.u) live.u = d.u;
  const device = devices.peek().get(d.dev);
  if (device && device.at.peek() < at) device.at.value = at;
  if (typeof d.v !== 'string' && !(snapshot && live.spark.peek().length > 0))
    live.spark.value = [...live.spark.peek().slice(1 - SPARK), d.v === null ? null : Number(d.v)];
  if (old || !Number.isFinite(rx)) return;
  if (mine < rx) wallOffset += rx - mine; // nothing arrives before it was sent
  measured(Math.max(0, mine - rx));
}

function measured(ms: number): void {
  latencies.push(ms);
  if (latencies.length > LATENCIES) latencies.shift();
  lastLatency.value = ms;
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
  if ('events' in news) return take(news.events);
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
  local = new StreamClient(hear, location.origin);
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
  try {
    session.value = await get<Session>('session');
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
function afterTiles(work: () => void): void {
  let done = false;
  const once = () => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    work();
  };
  const timer = setTimeout(once, PATIENCE);
  const stop = devicesLoaded.subscribe((loaded) => {
    if (loaded) setTimeout(() => { stop(); once(); }, 50);
  });
}

export function startClocks(): void {
  setInterval(() => {
    if (!document.hidden) now.value = performance.now();
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
