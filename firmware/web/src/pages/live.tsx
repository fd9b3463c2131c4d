import { useComputed } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { get } from '../api/client';
import type { Page } from '../api/shapes';
import { ageText, presence, spanText, unitText, utcText, valueText } from '../lib/format';
import { useLoad } from '../lib/load';
import { route, routeHash, setQuery } from '../lib/router';
import { alarms, deviceInterval, devicePresence, devices, devicesLoaded, devicesNext, devicesTotal, loadDevices, now, showing, streamDown, type DeviceLive, type PointLive } from '../lib/store';
import { t } from '../text/en';
import { Check, Choice, CopyBlock, Filter, Severity, StatePill, Trouble } from '../ui/bits';
import { Main } from '../ui/shell';
import { Spark } from '../ui/spark';

const VALUES = 4; // of one device on its tile
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

// Only the text changes every second, not the tile.
function Age({ device }: { device: DeviceLive }) {
  const text = useComputed(() => ageText(now.value - device.at.value));
  return <>{text}</>;
}

function Tile({ device, worst }: { device: DeviceLive; worst: string | undefined }) {
  const state = useComputed(() => devicePresence(device));
  const reason = useComputed(() => (state.value === 'online' || deviceInterval(device) <= 0 ? '' : t.usually(spanText(deviceInterval(device) * 1e3))));
  const shown = device.points.slice(0, VALUES);
  return (
    <li class={`tile ${state.value}${worst ? ` alarm-${worst}` : ''}`} data-row data-device={device.info.id}>
      <div class="tile-head">
        <h3><a href={routeHash(['devices', device.info.id])}>{device.info.name || device.info.id}</a></h3>
        <span class="marks">{worst && <Severity level={worst} />}<StatePill state={state.value} /></span>
      </div>
      <ul class="readings">
        {shown.map((one) => <li key={one.pt}><span class="pt">{one.pt}</span><Spark values={one.spark} name={one.pt} /><Value point={one} /></li>)}
      </ul>
      <p class="quiet tile-foot"><Age device={device} />{reason.value && <span>, {reason.value}</span>}{device.points.length > VALUES && <span>{' · '}{t.live.moreValues(device.points.length - VALUES)}</span>}</p>
    </li>
  );
}

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
const turn = () => Math.floor(now.value / ORDER_PACE);
const STATE_RANK: Record<string, number> = { silent: 4, degraded: 5, stale: 6, unknown: 7, online: 9 };

export function Live() {
  useEffect(() => showing(['samples/#']), []);
  const { problem, again } = useLoad(() => loadDevices(), 'live');
  useEffect(() => { // the list failed while the gateway was away: ask again when it is back
    if (problem && !streamDown.value) void again();
  }, [streamDown.value]);
  const { q = '', order = 'problems', only = '' } = route.value.query;
  const worst = worstByDevice();
  const beat = useComputed(turn).value;
  const list = useMemo(() => {
    const wanted = q.toLowerCase();
    const rank = (one: DeviceLive) => (worst.has(one.info.id) ? RANK[worst.get(one.info.id)!] ?? 3 : STATE_RANK[devicePresence(one)]!);
    const all = [...devices.value.values()].filter((one) => one.info.admission !== 'ignored' && (!wanted || `${one.info.id} ${one.info.name}`.toLowerCase().includes(wanted)));
    const bad = all.filter((one) => rank(one) < 9).length;
    const byName = (a: DeviceLive, b: DeviceLive) => (a.info.name || a.info.id).localeCompare(b.info.name || b.info.id, undefined, { numeric: true });
    const ranks = new Map(all.map((one) => [one, rank(one)]));
    const shown = only ? all.filter((one) => ranks.get(one)! < 9) : all;
    if (order === 'name') shown.sort(byName);
    else if (order === 'change') shown.sort((a, b) => b.at.peek() - a.at.peek());
    else shown.sort((a, b) => ranks.get(a)! - ranks.get(b)! || byName(a, b));
    return { shown, bad, all: all.length };
  }, [devices.value, q, order, only, beat, [...worst].join()]);
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
          <ul class="tiles">{list.shown.map((one) => <Tile key={one.info.id} device={one} worst={worst.get(one.info.id)} />)}</ul>
          {devicesNext.value && (
            <p class="more"><button type="button" onClick={() => void loadDevices(true)}>{t.more(Math.min(100, devicesTotal.value - devices.value.size))}</button> <span class="quiet">{t.shown(devices.value.size, devicesTotal.value)} {t.live.withinLoaded}</span></p>
          )}
        </>
      )}
    </Main>
  );
}
