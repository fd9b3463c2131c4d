import { useComputed } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, problemOf, type Problem } from '../api/client';
import type { Device, Page } from '../api/shapes';
import { ageText, countText, presenceReason, spanText } from '../lib/format';
import { route, routeHash, setQuery } from '../lib/router';
import { deviceInterval, devicePresence, newcomers, now, showing, takeDevices, type DeviceLive } from '../lib/store';
import { t } from '../text/en';
import { Filter, Scroll, StatePill, Trouble } from '../ui/bits';
import { Main } from '../ui/shell';

const PAGE = 100;

function Row({ device }: { device: DeviceLive }) {
  const state = useComputed(() => devicePresence(device));
  const age = useComputed(() => ageText(now.value - device.at.value));
  const { info } = device;
  return (
    <tr data-row>
      <th scope="row"><a href={routeHash(['devices', info.id])}>{info.name || info.id}</a></th>
      <td data-name={t.devices.state}><StatePill state={state.value} reason={presenceReason(now.peek() - device.at.peek(), deviceInterval(device))} /></td>
      <td data-name={t.devices.seen}>{age}</td>
      <td data-name={t.devices.interval}>{deviceInterval(device) > 0 ? spanText(deviceInterval(device) * 1e3) : ''}</td>
      <td data-name={t.devices.points} class="number">{countText(device.points.length || info.points.length)}</td>
      <td data-name={t.devices.dialect}>{info.dialect}</td>
      <td data-name={t.devices.source}>{info.source}</td>
    </tr>
  );
}

export function Devices() {
  const { q = '' } = route.value.query;
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
      const page = await get<Page<Device>>(`devices?limit=${PAGE}&points=1${q ? `&filter=${encodeURIComponent(q)}` : ''}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`, stop.current.signal);
      const wanted = q.toLowerCase();
      const got = takeDevices(page.items.filter((one) => !wanted || `${one.id} ${one.name} ${one.dialect} ${one.source} ${one.state}`.toLowerCase().includes(wanted)));
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
  }, [q]);
  return (
    <Main title={t.devices.title} wide>
      <div class="toolbar"><Filter value={q} hint={t.devices.filterHint} onInput={(text) => setQuery({ q: text })} /></div>
      {problem && <Trouble problem={problem} retry={() => void load(null)} />}
      {rows && rows.length === 0 && <p>{q ? t.devices.noMatch : t.devices.none}</p>}
      {rows && rows.length > 0 && (
        <Scroll label={t.devices.title}>
          <table class="cards">
            <caption class="sr">{t.devices.caption}</caption>
            <thead><tr><th scope="col">{t.devices.name}</th><th scope="col">{t.devices.state}</th><th scope="col">{t.devices.seen}</th><th scope="col">{t.devices.interval}</th><th scope="col" class="number">{t.devices.points}</th><th scope="col">{t.devices.dialect}</th><th scope="col">{t.devices.source}</th></tr></thead>
            <tbody>{rows.map((one) => <Row key={one.info.id} device={one} />)}</tbody>
          </table>
        </Scroll>
      )}
      {rows && next && <p class="more"><button type="button" onClick={() => void load(next)}>{t.more(Math.min(PAGE, Math.max(1, total - rows.length)))}</button> <span class="quiet">{t.shown(rows.length, total)}</span></p>}
    </Main>
  );
}
