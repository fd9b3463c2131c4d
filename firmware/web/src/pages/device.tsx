import { useEffect, useMemo, useState } from 'preact/hooks';
import { get, post, problemOf, type Problem } from '../api/client';
import type { LogItem, Message, Page, RuleItem, Series } from '../api/shapes';
import { ageText, decimals, presenceReason, spanText, timeText, utcText, withUnit } from '../lib/format';
import { useLoad } from '../lib/load';
import { go, route, routeHash, setQuery } from '../lib/router';
import { globMatches, limitsOn, pointsOf, sentence } from '../lib/ruleform';
import { bandsOf, type Band } from '../lib/bands';
import { saveCsv, saveJson, type Cell } from '../lib/save';
import { buckets, rangeOf, rowsOf, trim, type Bucket } from '../lib/series';
import { SNIPPETS } from '../lib/snippets';
import { alarms, deviceInterval, devicePresence, devices, loadDevice, may, now, showing, status, type DeviceLive } from '../lib/store';
import { t } from '../text/en';
import { Choice, CopyBlock, Facts, Field, Icon, ProblemView, Scroll, Severity, StatePill, Trouble } from '../ui/bits';
import { Chart, type Limit } from '../ui/chart';
import { Main } from '../ui/shell';
import { Spark } from '../ui/spark';
import { Value } from './live';
import { admit } from './tray';

const SPANS: Record<string, number> = { '5m': 3e5, '1h': 36e5, '24h': 864e5, '7d': 6048e5, '30d': 2592e6 };
const POINTS = 1000;
const enc = encodeURIComponent;

export async function loadSeries(dev: string, pt: string, from: number, to: number): Promise<ReturnType<typeof trim>> {
  return trim(await get<Series>(`series/${enc(dev)}/${enc(pt)}?from=${from}&to=${to}&points=${POINTS}`));
}

// Every event of the range: a page may have a next one.
async function alarmEvents(dev: string, from: number, to: number): Promise<LogItem[]> {
  const all: LogItem[] = [];
  for (let cursor = ''; all.length < 2000; ) {
    const page = await get<Page<LogItem>>(`events-log?dev=${enc(dev)}&kind=alarm&from=${Math.floor(from)}&to=${Math.ceil(to)}&limit=500${cursor && `&cursor=${cursor}`}`);
    all.push(...page.items);
    if (!page.next) break;
    cursor = page.next;
  }
  return all;
}

const iso = (at: number | undefined): Cell => (at === undefined ? null : utcText(at));

// The rows of the chart, or those of the table: what is shown.
function rowsShown(series: Series, table: boolean): { heads: string[]; rows: Cell[][] } {
  if (table) return { heads: ['from_utc', 'to_utc', 'min', 'mean', 'max', 'values', 'unit', 'no_data'], rows: buckets(series).map((one) => [iso(one.from), iso(one.to), one.min, meanOf(one), one.max, one.count, series.u, one.count === 0 ? one.gap || t.noValue : null]) };
  return { heads: ['time_utc', 'value', 'min', 'max', 'unit', 'no_data', 'no_data_until_utc'], rows: rowsOf(series).map((one) => [iso(one.t), one.v, one.min, one.max, series.u, one.gap ?? (one.v === null ? t.noValue : null), iso(one.until)]) };
}

function Export({ device, pt, series, table }: { device: string; pt: string; series: Series; table: boolean }) {
  const name = `${device}-${pt}`;
  const asJson = () => {
    const [from, to] = rangeOf(series);
    const { heads, rows } = rowsShown(series, table);
    return { device, point: pt, unit: series.u ?? '', from: utcText(from), to: utcText(to), exact: series.exact, reduced: series.reduced ?? false, rows: rows.map((row) => Object.fromEntries(heads.map((head, i) => [head, row[i] ?? null]))) };
  };
  return (
    <p class="actions">
      <button type="button" onClick={() => { const { heads, rows } = rowsShown(series, table); saveCsv(name, [heads, ...rows]); }}>{t.device.exportCsv}</button>
      <button type="button" onClick={() => saveJson(name, asJson())}>{t.device.exportJson}</button>
    </p>
  );
}

function Bands({ bands }: { bands: Band[] }) {
  if (bands.length === 0) return null;
  return (
    <details class="bands"><summary>{t.device.bands(bands.length)}</summary>
      <ul>{bands.slice(0, 100).map((one) => <li key={one.alarm + one.from}><Severity level={one.severity} /> {one.open ? t.device.bandOpen(timeText(one.from)) : t.device.band(timeText(one.from), timeText(one.to), spanText(one.to - one.from))}{one.rule && <>, <a href={routeHash(['rules', one.rule])}>{one.rule}</a></>}</li>)}</ul></details>
  );
}

function History({ device, pt, rules }: { device: DeviceLive; pt: string; rules: RuleItem[] }) {
  const { range = '1h', from = '', to = '', table = '' } = route.value.query;
  const custom = from !== '' && to !== '';
  const span = SPANS[range] ?? SPANS['1h']!;
  const key = `${device.info.id}/${pt}/${custom ? `${from}-${to}` : range}`;
  const { data, problem, again } = useLoad(async () => {
    const end = custom ? Number(to) : Date.now();
    const begin = custom ? Number(from) : end - span;
    const [series, events] = await Promise.all([loadSeries(device.info.id, pt, begin, end), alarmEvents(device.info.id, begin, end).catch(() => [])]);
    return { ...series, events };
  }, key, custom ? 0 : Math.max(2000, span / 500), true);
  const limits: Limit[] = useMemo(() => rules.flatMap((one) => limitsOn(one.rule, device.info.id, pt).map((limit) => ({ ...limit, name: one.title || one.id }))), [rules, pt]);
  const standing = [...alarms.value.values()].filter((one) => one.dev === device.info.id);
  const bands = useMemo(() => (data ? bandsOf(data.events, standing, pt, ...rangeOf(data), Date.now()) : []), [data, alarms.value, pt]);
  return (
    <section aria-labelledby="history">
      <div class="toolbar">
        <h2 id="history">{t.device.history}</h2>
        <div class="segments" role="group" aria-label={t.device.range}>
          {Object.keys(SPANS).map((one) => <button type="button" key={one} aria-pressed={!custom && one === range} onClick={() => setQuery({ range: one, from: '', to: '' })}>{t.device.ranges[one]}</button>)}
        </div>
        <button type="button" aria-pressed={table !== ''} onClick={() => setQuery({ table: table ? '' : '1' })}>{t.device.asTable}</button>
      </div>
      {problem && <Trouble problem={problem} retry={again} what={t.device.history} />}
      {data && data.t.length === 0 && data.gaps.length === 0 && <p>{t.device.noHistory}</p>}
      {data && !table && (data.t.length > 0 || data.gaps.length > 0) && (
        <Chart series={data} name={pt} limits={limits} bands={bands} onRange={(a, b) => (b === 0 ? setQuery({ from: '', to: '' }) : setQuery({ from: `${a}`, to: `${Math.min(b, Date.now() + 1000)}` }))} />
      )}
      {data?.begins !== undefined && <p class="quiet">{t.device.begins(timeText(data.begins))}</p>}
      {data && data.gaps.length > 0 && !table && (
        <details><summary>{t.device.gaps}: {data.gaps.length}</summary>
          <ul>{data.gaps.slice(0, 100).map(([a, b, why]) => <li key={a}>{t.device.gap(timeText(a), timeText(b), why)}</li>)}</ul></details>
      )}
      {data && <Bands bands={bands} />}
      {data && table && <HistoryTable series={data} pt={pt} />}
      {data && (data.t.length > 0 || data.gaps.length > 0) && <Export device={device.info.id} pt={pt} series={data} table={table !== ''} />}
    </section>
  );
}

function HistoryTable({ series, pt }: { series: Series; pt: string }) {
  return (
    <Scroll label={t.device.tableCaption(pt)}>
      <table>
        <caption class="sr">{t.device.tableCaption(pt)}</caption>
        <thead><tr><th scope="col">{t.device.from}</th><th scope="col" class="number">{t.device.min}</th><th scope="col" class="number">{t.device.mean}</th><th scope="col" class="number">{t.device.max}</th><th scope="col" class="number">{t.device.count}</th></tr></thead>
        <tbody>
          {buckets(series).map((one) => (
            <tr key={one.from}>
              <th scope="row" title={utcText(one.from)}>{timeText(one.from)}</th>
              {one.count === 0 ? <td colSpan={4}>{t.device.noData(one.gap || t.noValue)}</td> : (
                <><td class="number">{withUnit(one.min, series.u)}</td><td class="number">{withUnit(meanOf(one), series.u)}</td><td class="number">{withUnit(one.max, series.u)}</td><td class="number">{one.count}</td></>)}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
// One digit more than the values have.
const meanOf = (one: Bucket) => (one.mean === null ? null : Number(one.mean.toFixed(Math.max(decimals(one.min ?? 0), decimals(one.max ?? 0)) + 1)));

function LastMessage({ id }: { id: string }) {
  const { data, problem, again } = useLoad(() => get<Message>(`devices/${enc(id)}/message`), id, 5000);
  return (
    <section aria-labelledby="message">
      <h2 id="message">{t.device.message}</h2>
      {problem && (problem.status === 404 ? <p class="note">{t.device.messageNone}</p> : <Trouble problem={problem} retry={again} what={t.device.message} />)}
      {data && (
        <>
          <Facts rows={[
            [t.devices.source, `${t.device.messageFrom(data.source, data.topic)}, ${ageText(data.age_ms)}, ${t.device.bytes(data.bytes)}`],
            [t.devices.dialect, `${t.device.read(data.dialect)}`],
            [t.device.why, data.why || '–'],
            ...(data.runner_up ? [[t.device.runnerUp, data.runner_up] as [string, string]] : []),
            [t.device.became, data.points.slice(0, 50).map((one) => `${one.pt} = ${withUnit(one.v, undefined)}`).join(', ') || '–'],
          ]} />
          <pre class="payload" tabIndex={0} role="region" aria-label={t.device.textLabel}>{data.payload}</pre>
          <details><summary>{t.device.asHex}</summary><pre class="payload" tabIndex={0} role="region" aria-label={t.device.hexLabel}>{data.hex}</pre></details>
        </>
      )}
    </section>
  );
}

function CopyAs({ id, pt }: { id: string; pt: string }) {
  const [kind, setKind] = useState('curl');
  const [made, setMade] = useState<{ token: string; expires?: string } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const { data: message } = useLoad(() => get<Message>(`devices/${enc(id)}/message`).catch(() => null), id);
  const address = status.value?.links.find((one) => one.id === message?.source)?.address;
  const broker = address && message?.topic ? { url: address, topic: message.topic } : undefined;
  const port = status.value?.mqtt_port;
  const listener = port ? { host: location.hostname.replace(/^\[|\]$/g, ''), port } : undefined;
  const mqtt = listener ?? broker;
  const kinds = Object.keys(SNIPPETS).filter((name) => name !== 'MQTT' || mqtt);
  const make = () => post<{ token: string; expires?: string }>('tokens/stream', { subscribe: [`samples/${id}/#`, `devices/${id}/state`], ttl: 3600 }).then((got) => { setMade(got); setProblem(null); }, (error: unknown) => setProblem(problemOf(error)));
  return (
    <section aria-labelledby="copy-as">
      <h2 id="copy-as">{t.device.copyAs}</h2>
      <p>{t.device.copyText}</p>
      {!made && <p><button type="button" onClick={make}>{t.device.make}</button> <span class="quiet">{t.device.token1h}</span></p>}
      {problem && <Trouble problem={problem} retry={make} />}
      {made && (
        <>
          <Choice id="copy-kind" label={t.device.copyAs} value={kind} options={kinds.map((name) => [name, name])} onChange={setKind} />
          <CopyBlock label={`${t.device.codeLabel}: ${kind}`} text={SNIPPETS[kind]!({ origin: location.origin, device: id, point: pt, token: made.token, listener, broker })} />
          {!mqtt && <p class="quiet">{t.device.noMqtt}</p>}
          {made.expires && <p class="quiet">{t.device.tokenGood(`samples/${id}/#`, timeText(made.expires))}</p>}
        </>
      )}
    </section>
  );
}

function Events({ id }: { id: string }) {
  const { data, problem, again } = useLoad(() => get<Page<LogItem>>(`events-log?dev=${enc(id)}&limit=50`), id, 10e3);
  const words = (one: LogItem) => [one.d.change, one.d.severity, one.d.text, one.d.state, one.d.reason, one.d.words].filter((part): part is string => typeof part === 'string' && part !== '').join(', ');
  return (
    <section aria-labelledby="events">
      <h2 id="events">{t.device.events}</h2>
      {problem && <Trouble problem={problem} retry={again} what={t.device.events} />}
      {data && data.items.length === 0 && <p>{t.device.eventsNone}</p>}
      {data && data.items.length > 0 && <ul class="rows">{data.items.map((one) => <li key={one.pos}><time class="quiet" dateTime={String(one.d.ts ?? '')}>{timeText(String(one.d.ts ?? ''))}</time> <b>{one.ev}</b> {words(one)}</li>)}</ul>}
    </section>
  );
}

const SHOWN = 50;
function Values({ device, pt }: { device: DeviceLive; pt: string }) {
  const [text, setText] = useState('');
  const [most, setMost] = useState(SHOWN);
  const wanted = text.toLowerCase();
  const all = device.points.filter((one) => one.pt.toLowerCase().includes(wanted));
  return (
    <section aria-labelledby="values">
      <h2 id="values">{t.device.values}</h2>
      {device.points.length > SHOWN && <Field id="filter" label={t.device.filterPoints}>{(d) => <input {...d} type="search" value={text} onInput={(event) => { setText(event.currentTarget.value); setMost(SHOWN); }} />}</Field>}
      <ul class="values">
        {all.slice(0, most).map((one) => (
          <li key={one.pt} data-row class={one.pt === pt ? 'chosen' : ''}><a href={routeHash(['devices', device.info.id], { ...route.value.query, pt: one.pt })} aria-current={one.pt === pt ? 'true' : undefined}>{one.pt}</a><Spark values={one.spark} name={one.pt} /><Value point={one} /></li>
        ))}
      </ul>
      {all.length > most && <p class="more"><button type="button" onClick={() => setMost(most + 200)}>{t.more(Math.min(200, all.length - most))}</button> <span class="quiet">{t.shown(most, all.length)}</span></p>}
    </section>
  );
}

// Whether it is let in, and the way out of that.
function Admission({ device, again }: { device: DeviceLive; again: () => Promise<void> }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const { id, admission = 'active' } = device.info;
  const act = (how: 'keep' | 'ignore') => admit(id, how).then(() => { setProblem(null); return again(); }, (error: unknown) => setProblem(problemOf(error)));
  const button = (how: 'keep' | 'ignore', text: string) => <button type="button" disabled={!may('write:devices')} onClick={() => void act(how)}>{text}</button>;
  return (
    <>
      {admission !== 'active' && <p class="note">{admission === 'ignored' ? t.tray.isIgnored : t.tray.provisional} {button('keep', admission === 'ignored' ? t.tray.stop : t.tray.keep)} {admission === 'provisional' && button('ignore', t.tray.ignore)}</p>}
      {problem && <ProblemView problem={problem} />}
      {admission === 'active' && <p class="actions">{button('ignore', t.tray.ignoreDevice)}</p>}
    </>
  );
}

function Head({ device }: { device: DeviceLive }) {
  const state = devicePresence(device);
  const { info } = device;
  return (
    <Facts rows={[
      [t.devices.state, <><StatePill state={state} /> {presenceReason(now.value - device.at.value, deviceInterval(device))}</>],
      [t.devices.dialect, info.dialect], [t.devices.source, info.simulated ? `${info.source} (${t.devices.simulated})` : info.source],
      ...(deviceInterval(device) > 0 ? [[t.devices.interval, spanText(deviceInterval(device) * 1e3)] as [string, string]] : []),
    ]} />
  );
}

export function DevicePage({ id }: { id: string }) {
  useEffect(() => showing([`samples/${id}/#`]), [id]);
  const { problem, again } = useLoad(() => loadDevice(id), id);
  const rules = useLoad(() => get<Page<RuleItem>>('rules'), 'rules');
  const device = devices.value.get(id);
  const pt = route.value.query.pt || device?.points[0]?.pt || '';
  const using = (rules.data?.items ?? []).filter((one) => pointsOf(one.rule).some(([glob]) => globMatches(glob, id)));
  return (
    <Main title={device?.info.name || id} wide>
      <p><a class="back" href="#/devices"><Icon name="back" />{t.device.back}</a></p>
      {problem && <Trouble problem={problem} retry={again} />}
      {device && (
        <>
          <Head device={device} />
          {device.info.admission !== 'active' && <Admission device={device} again={again} />}
          <div class="split">
            <div>
              <Values device={device} pt={pt} />
              {pt ? <History key={pt} device={device} pt={pt} rules={using} /> : <p>{t.device.unknownPoint}</p>}
            </div>
            <div>
              <section aria-labelledby="using">
                <h2 id="using">{t.device.rules}</h2>
                {rules.problem && <Trouble problem={rules.problem} retry={rules.again} />}
                {rules.data && using.length === 0 && <p>{t.device.rulesNone}</p>}
                <ul class="rows">{using.map((one) => <li key={one.id}><a href={routeHash(['rules', one.id])}>{one.title || one.id}</a><br /><span class="quiet">{sentence(one.rule)}</span></li>)}</ul>
                {may('write:rules') && pt && <p><button type="button" onClick={() => go(['rules', 'new'], { device: id, point: pt })}>{t.device.addRule}</button></p>}
              </section>
              <LastMessage id={id} />
              <Events id={id} />
              <CopyAs id={id} pt={pt} />
              {device.info.admission === 'active' && <Admission device={device} again={again} />}
            </div>
          </div>
        </>
      )}
    </Main>
  );
}
