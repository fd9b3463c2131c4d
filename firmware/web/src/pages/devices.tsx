import { useComputed } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, problemOf, type Problem } from '../api/client';
import type { Device, Page } from '../api/shapes';
import { ageText, countText, presenceReason, spanText, timeText } from '../lib/format';
import { route, routeHash, setQuery } from '../lib/router';
import { saveCsv, saveJson } from '../lib/save';
import { announce } from '../lib/announce';
import { deviceInterval, devicePresence, may, newcomers, now, showing, takeDevice, takeDevices, type DeviceLive } from '../lib/store';
import { t } from '../text/en';
import { Filter, Scroll, StatePill, Trouble } from '../ui/bits';
import { Main } from '../ui/shell';
import { admit, Tray } from './tray';

const PAGE = 100;

const SHOWS = ['', 'missing', 'ignored'];
const query = (q: string, show: string) => `${q ? `&filter=${encodeURIComponent(q)}` : ''}${show ? `&show=${show}` : ''}`;

// All that match, page by page: what is exported is what the filter says, not what is scrolled to.
async function everything(q: string, show: string): Promise<Device[]> {
  const all: Device[] = [];
  for (let cursor = '0'; cursor !== ''; ) {
    const page = await get<Page<Device>>(`devices?limit=500&points=1&cursor=${cursor}${query(q, show)}`);
    all.push(...page.items);
    cursor = page.next ?? '';
  }
  return all;
}
const HEADS = ['id', 'name', 'admission', 'state', 'reason', 'last_seen_s_ago', 'interval_s', 'dialect', 'source', 'key', 'point', 'value', 'unit', 'quality', 'time'];
const cellsOf = (one: Device) => (one.points.length > 0 ? one.points : [null]).map((p) => [one.id, one.name, one.admission, one.state, one.reason, one.age_ms === null ? null : Math.round(one.age_ms / 1e3), one.interval_s || null, one.dialect, one.source, one.key, p?.pt, p?.v, p?.u, p?.q, p?.ts]);

function Row({ device, show, stop }: { device: DeviceLive; show: string; stop: () => void }) {
  const state = useComputed(() => devicePresence(device));
  const age = useComputed(() => ageText(now.value - device.at.value));
  const { info } = device;
  return (
    <tr data-row data-device={info.id}>
      <th scope="row"><a href={routeHash(['devices', info.id])}>{info.name || info.id}</a>{info.admission === 'provisional' && <span class="pill fresh">{t.tray.mark}</span>}{info.simulated && <span class="pill fresh">{t.devices.simulated}</span>}</th>
      <td data-name={t.devices.state}><StatePill state={state.value} reason={presenceReason(now.peek() - device.at.peek(), deviceInterval(device))} /></td>
      <td data-name={show === 'missing' ? t.devices.since : t.devices.seen}>{show === 'missing' && Number.isFinite(device.at.peek()) ? `${timeText(Date.now() - (performance.now() - device.at.value))}, ` : ''}{age}</td>
      <td data-name={t.devices.interval}>{deviceInterval(device) > 0 ? spanText(deviceInterval(device) * 1e3) : ''}</td>
      <td data-name={t.devices.points} class="number">{countText(device.points.length || info.points.length)}</td>
      <td data-name={t.devices.dialect}>{info.dialect}</td>
      <td data-name={t.devices.source}>{info.source}</td>
      {show === 'ignored' && <td><button type="button" disabled={!may('write:devices')} aria-label={t.tray.stopOne(info.id)} onClick={stop}>{t.tray.stop}</button></td>}
    </tr>
  );
}

export function Devices() {
  const { q = '', show = '' } = route.value.query;
  const [rows, setRows] = useState<DeviceLive[] | null>(null);
  const [next, setNext] = useState<string | null>(null);
  const [total, setTotal] = useState(0);
  const [problem, setProblem] = useState<Problem | null>(null);
  const stop = useRef<AbortController | null>(null);
  // The box filters: it knows all devices, the page only those it shows.
  const load = async (cursor: string | null) => {
    stop.current?.abort();
    stop.current = new AbortController();
    try {
      const page = await get<Page<Device>>(`devices?limit=${PAGE}&points=1${query(q, show)}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, stop.current.signal);
      const wanted = q.toLowerCase();
      const mine = page.items.filter((one) => !wanted || `${one.id} ${one.name} ${one.dialect} ${one.source} ${one.state}`.toLowerCase().includes(wanted));
      const got = show === 'ignored' ? mine.map(takeDevice) : takeDevices(mine); // those ignored are in no other list
      setRows((before) => (cursor && before ? [...before, ...got] : got));
      setNext(page.next ?? null);
      setTotal(page.total ?? got.length);
      setProblem(null);
    } catch (error) {
      if (!stop.current?.signal.aborted) setProblem(problemOf(error));
    }
  };
  useEffect(() => showing(['samples/#']), []);
  useEffect(() => { // who appears, appears here by itself
    if (rows && rows.length <= PAGE && newcomers.value > 0) void load(null);
  }, [newcomers.value]);
  useEffect(() => {
    const timer = setTimeout(() => void load(null), rows ? 80 : 0);
    return () => clearTimeout(timer);
  }, [q, show]);
  const fail = (error: unknown) => setProblem(problemOf(error));
  const save = (write: (all: Device[]) => void) => everything(q, show).then((all) => { write(all); announce(t.devices.exported(all.length)); }, fail);
  const unignore = (id: string) => admit(id, 'keep').then(() => load(null), fail);
  const empty = q ? t.devices.noMatch : show === 'missing' ? t.devices.noneMissing : show === 'ignored' ? t.devices.noneIgnored : t.devices.none;
  return (
    <Main title={t.devices.title} wide>
      <Tray changed={() => void load(null)} />
      <div class="toolbar">
        <Filter value={q} hint={t.devices.filterHint} onInput={(text) => setQuery({ q: text })} />
        <div class="segments" role="group" aria-label={t.devices.show}>{SHOWS.map((one) => <button type="button" key={one} aria-pressed={one === show} onClick={() => setQuery({ show: one })}>{t.devices.shows[one]}</button>)}</div>
        <div class="segments">
          <button type="button" onClick={() => void save((all) => saveCsv('devices', [HEADS, ...all.flatMap(cellsOf)]))}>{t.devices.exportCsv}</button>
          <button type="button" onClick={() => void save((all) => saveJson('devices', all))}>{t.devices.exportJson}</button>
        </div>
      </div>
      {problem && <Trouble problem={problem} retry={() => void load(null)} />}
      {rows && rows.length === 0 && <p>{empty}</p>}
      {rows && rows.length > 0 && (
        <Scroll label={t.devices.title}>
          <table class="cards">
            <caption class="sr">{t.devices.caption}</caption>
            <thead><tr><th scope="col">{t.devices.name}</th><th scope="col">{t.devices.state}</th><th scope="col">{show === 'missing' ? t.devices.since : t.devices.seen}</th><th scope="col">{t.devices.interval}</th><th scope="col" class="number">{t.devices.points}</th><th scope="col">{t.devices.dialect}</th><th scope="col">{t.devices.source}</th>{show === 'ignored' && <th scope="col">{t.tray.title}</th>}</tr></thead>
            <tbody>{rows.map((one) => <Row key={one.info.id} device={one} show={show} stop={() => void unignore(one.info.id)} />)}</tbody>
          </table>
        </Scroll>
      )}
      {rows && next && <p class="more"><button type="button" onClick={() => void load(next)}>{t.more(Math.min(PAGE, Math.max(1, total - rows.length)))}</button> <span class="quiet">{t.shown(rows.length, total)}</span></p>}
    </Main>
  );
}
