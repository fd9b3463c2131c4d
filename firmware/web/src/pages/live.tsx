import { effect, useComputed } from '@preact/signals';
import type { VNode } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { get } from '../api/client';
import type { Page } from '../api/shapes';
import { presence, unitText, utcText, valueText } from '../lib/format';
import { useLoad } from '../lib/load';
import { route, routeHash, setQuery } from '../lib/router';
import { alarms, devices, devicesLoaded, devicesNext, devicesTotal, loadDevices, now, presenceNow, showing, streamDown, type DeviceLive, type PointLive } from '../lib/store';
import { t } from '../text/en';
import { Check, Choice, CopyBlock, Filter, Severity, StatePill, Trouble } from '../ui/bits';
import { Main } from '../ui/shell';
import { TileView, VALUES } from '../ui/tile';

const RANK: Record<string, number> = { critical: 0, high: 1, medium: 2, low: 3 };

// Made when somebody points at it: a thousand values change in a second, one is looked at.
function exact(point: PointLive): string {
  const at = point.at.peek();
  return Number.isFinite(at) ? `${String(point.value.peek())} ${point.u}, ${utcText(Date.now() - (performance.now() - at))}` : t.never;
}

export function Value({ point }: { point: PointLive }) {
  const old = useComputed(() => presence(now.value - point.at.value, point.interval, streamDown.value));
  const v = point.value.value;
  const missing = v === null || v === undefined;
  return (
    <span class={`value ${old.value === 'online' ? '' : 'old'}${missing ? ' missing' : ''}`} onMouseEnter={(event) => (event.currentTarget.title = exact(point))}>
      <b>{valueText(v)}</b>
      {!missing && point.u && <span class="unit"> {unitText(point.u)}</span>}
      {point.quality.value && point.quality.value !== 'good' && <span class="quality"> {point.quality.value}</span>}
    </span>
  );
}

// ---- tiles: the frame is a component, what is in it is written by its view while it is on screen ----
const NEAR = '300px'; // painted before it is scrolled to
const views = new Map<Element, TileView>();
const eye = typeof IntersectionObserver === 'function' ? new IntersectionObserver((seen) => {
  for (const one of seen) {
    const view = views.get(one.target);
    if (one.isIntersecting) view?.show();
    else view?.hide();
  }
}, { rootMargin: NEAR }) : null;

function Tile({ device, worst, first }: { device: DeviceLive; worst: string | undefined; first: boolean }) {
  const view = useMemo(() => new TileView(device), [device]);
  const tile = useRef<HTMLLIElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const age = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    const at = tile.current!;
    views.set(at, view);
    view.take(list.current!, age.current!);
    if (first || !eye) view.show();
    eye?.observe(at);
    return () => {
      eye?.unobserve(at);
      views.delete(at);
      view.hide();
    };
  }, [view]);
  const more = device.points.length - VALUES;
  const point = (event: MouseEvent) => {
    const found = (event.target as Element).closest<HTMLElement>('.value');
    const one = found && view.pointAt(found);
    if (one) found.title = exact(one);
  };
  return (
    <li ref={tile} class={`tile ${view.state.value}${worst ? ` alarm-${worst}` : ''}`} style={{ '--rows': Math.min(VALUES, device.points.length) }} data-row data-device={device.info.id}>
      <div class="tile-head">
        <h3><a href={routeHash(['devices', device.info.id])}>{device.info.name || device.info.id}</a></h3>
        <span class="marks">{worst && <Severity level={worst} />}<StatePill state={view.state.value} /></span>
      </div>
      <ul class="readings" ref={list} onMouseOver={point} />
      <p class="quiet tile-foot"><span ref={age} />{view.reason.value && <span>, {view.reason.value}</span>}{more > 0 && <span>{' · '}{t.live.moreValues(more)}</span>}{device.info.simulated && <span>{' · '}{t.devices.simulated}</span>}</p>
    </li>
  );
}

// A tile whose device, name and alarms are the same is not compared again.
interface Made { node: VNode; info: DeviceLive['info']; worst: string | undefined }
function useTiles(shown: DeviceLive[], worst: Map<string, string>): VNode[] {
  const [most, setMost] = useState(FIRST);
  useEffect(() => { // what a screen holds comes first, the rest after it was painted
    if (shown.length > most) afterPaint(() => setMost(most + STEP));
  }, [shown, most]);
  const made = useRef(new Map<DeviceLive, Made>());
  const nodes = useMemo(() => {
    const next = new Map<DeviceLive, Made>();
    const all = shown.map((device, i) => {
      const is = worst.get(device.info.id);
      let one = made.current.get(device);
      if (!one || one.info !== device.info || one.worst !== is) one = { node: <Tile key={device.info.id} device={device} worst={is} first={i < FIRST} />, info: device.info, worst: is };
      next.set(device, one);
      return one.node;
    });
    made.current = next;
    return all;
  }, [shown]);
  return nodes.length > most ? nodes.slice(0, most) : nodes;
}
const FIRST = 24; // painted with the page; a screen holds about as many
const STEP = 100;
const afterPaint = (work: () => void) => requestAnimationFrame(() => setTimeout(work));

interface Raw { source: string; topic: string; payload: string; why: string; times: number }

function Empty() {
  const { data } = useLoad(() => get<Page<Raw>>('raw'), 'raw', 3000);
  return (
    <section class="empty" aria-labelledby="empty">
      <h2 id="empty">{t.live.empty}</h2>
      <p>{t.live.emptyText}</p>
      <CopyBlock label={t.first.simulateCommand} text={`mosquitto_pub -h ${location.hostname} -t garden/north/soil_moisture -m 37`} />
      {data && data.items.length > 0 && (
        <>
          <h2>{t.live.unread}</h2>
          <ul class="rows">{data.items.slice(0, 20).map((one) => <li key={one.source + one.topic}><code>{one.topic || one.source}</code> <code class="payload">{one.payload.slice(0, 120)}</code><br /><span class="quiet">{t.live.unreadWhy}: {one.why}</span></li>)}</ul>
        </>
      )}
    </section>
  );
}

function worstByDevice(): Map<string, string> {
  const worst = new Map<string, string>();
  for (const one of alarms.value.values()) {
    if (!one.state.startsWith('active')) continue;
    const before = worst.get(one.dev);
    if (before === undefined || (RANK[one.severity] ?? 4) < (RANK[before] ?? 4)) worst.set(one.dev, one.severity);
  }
  return worst;
}

// Order is looked at again every few seconds only: tiles that jump cannot be read or clicked.
const ORDER_PACE = 3000;
const words = new Intl.Collator(undefined, { numeric: true }); // made for each comparison it would cost a hundred of them
const turn = () => Math.floor(now.value / ORDER_PACE);
const STATE_RANK: Record<string, number> = { silent: 4, degraded: 5, stale: 6, unknown: 7, online: 9 };

export function Live() {
  useEffect(() => showing(['samples/#']), []);
  const { problem, again } = useLoad(() => loadDevices(), 'live');
  useEffect(() => { // the list failed while the gateway was away: ask again when it is back
    if (problem && !streamDown.value) void again();
  }, [streamDown.value]);
  // Ages and states move without a message: once a second, all that is on screen in one go.
  useEffect(() => effect(() => {
    void now.value;
    void streamDown.value;
    const at = performance.now();
    for (const view of views.values()) if (view.device.paint) view.paint(at);
  }), []);
  const { q = '', order = 'problems', only = '' } = route.value.query;
  const worst = worstByDevice();
  const beat = useComputed(turn).value;
  const named = useMemo(() => [...devices.value.values()].sort((a, b) => words.compare(a.info.name || a.info.id, b.info.name || b.info.id)), [devices.value]);
  const list = useMemo(() => {
    const wanted = q.toLowerCase();
    const rank = (one: DeviceLive) => (worst.has(one.info.id) ? RANK[worst.get(one.info.id)!] ?? 3 : STATE_RANK[presenceNow(one, performance.now())]!);
    const all = named.filter((one) => one.info.admission !== 'ignored' && (!wanted || `${one.info.id} ${one.info.name}`.toLowerCase().includes(wanted)));
    const ranks = new Map(all.map((one) => [one, rank(one)]));
    const bad = all.filter((one) => ranks.get(one)! < 9).length;
    const shown = only ? all.filter((one) => ranks.get(one)! < 9) : all;
    if (order === 'change') shown.sort((a, b) => b.at.peek() - a.at.peek());
    else if (order !== 'name') shown.sort((a, b) => ranks.get(a)! - ranks.get(b)!); // of one rank: still by name
    return { shown, bad, all: all.length };
  }, [named, q, order, only, beat, [...worst].join()]);
  const tiles = useTiles(list.shown, worst);
  return (
    <Main title={t.live.title} wide>
      {problem && <Trouble problem={problem} retry={again} />}
      {devicesLoaded.value && devices.value.size === 0 && <Empty />}
      {devices.value.size > 0 && (
        <>
          <div class="toolbar">
            <Filter value={q} onInput={(text) => setQuery({ q: text })} />
            <Choice id="order" label={t.live.order} value={order} options={[['problems', t.live.problemsFirst], ['name', t.live.byName], ['change', t.live.byChange]]} onChange={(value) => setQuery({ order: value })} />
            <Check id="only" label={t.live.onlyProblems} checked={only !== ''} onChange={(on) => setQuery({ only: on ? '1' : '' })} />
          </div>
          <h2 class="count">{t.live.summary(list.all, list.bad)}</h2>
          {list.shown.length === 0 && <p>{t.live.noMatch}</p>}
          <ul class="tiles">{tiles}</ul>
          {devicesNext.value && (
            <p class="more"><button type="button" onClick={() => void loadDevices(true)}>{t.more(Math.min(100, devicesTotal.value - devices.value.size))}</button> <span class="quiet">{t.shown(devices.value.size, devicesTotal.value)} {t.live.withinLoaded}</span></p>
          )}
        </>
      )}
    </Main>
  );
}
