import { useEffect, useState } from 'preact/hooks';
import { call, get, problemOf, type Problem } from '../api/client';
import type { Page, PushClient } from '../api/shapes';
import { announce } from '../lib/announce';
import { bytesText, countText, quantile, spanText } from '../lib/format';
import { daemonLatency, type HistogramQuantiles } from '../lib/metrics';
import { useLoad } from '../lib/load';
import { lastLatency, latencies, may, showing } from '../lib/store';
import { t } from '../text/en';
import { ProblemView, Scroll, Trouble } from '../ui/bits';
import { Main } from '../ui/shell';

const LINE = 100; // ms
const msText = (v: number) => (v < 1 ? `${v.toFixed(1)} ms` : `${Math.round(v)} ms`);

// A bar per quantile; the line is where the promise ends.
function Bars({ title, p50, p95, max, n }: { title: string; p50: number; p95: number; max: number; n: number }) {
  const scale = Math.max(LINE * 1.25, max);
  const W = 600;
  const x = (v: number) => (Math.min(v, scale) / scale) * W;
  const rows: [string, number][] = [['p50', p50], ['p95', p95], ['max', max]];
  return (
    <figure class="bars">
      <figcaption>{title}, {t.push.quantiles(n)}</figcaption>
      <svg viewBox={`0 0 ${W} 84`} role="img" aria-label={t.push.chart(msText(p50), msText(p95), msText(max))} preserveAspectRatio="none">
        {rows.map(([name, v], i) => <rect key={name} class={v > LINE ? 'over' : 'under'} x="0" y={i * 28 + 4} width={Math.max(2, x(v))} height="20" rx="3" />)}
        <line class="promise" x1={x(LINE)} x2={x(LINE)} y1="0" y2="84" />
      </svg>
      <dl class="facts tight">{rows.map(([name, v]) => <div key={name}><dt>{name}</dt><dd>{msText(v)} <span class="quiet">{v > LINE ? t.push.over : t.push.under}</span></dd></div>)}</dl>
    </figure>
  );
}

function Latency() {
  void lastLatency.value;
  const sorted = [...latencies].sort((a, b) => a - b);
  const [daemon, setDaemon] = useState<HistogramQuantiles | null>(null);
  useEffect(() => {
    const look = () => daemonLatency().then(setDaemon, () => {});
    void look();
    const timer = setInterval(() => !document.hidden && void look(), 5000);
    return () => clearInterval(timer);
  }, []);
  return (
    <section aria-labelledby="latency">
      <h2 id="latency">{t.push.latency}</h2>
      {sorted.length === 0 ? <p class="note">{t.push.noMeasure}</p> : <Bars title={t.push.page} p50={quantile(sorted, 0.5)} p95={quantile(sorted, 0.95)} max={sorted[sorted.length - 1]!} n={sorted.length} />}
      {daemon && daemon.count > 0 && <Bars title={t.push.daemon} p50={daemon.p50} p95={daemon.p95} max={daemon.max} n={daemon.count} />}
    </section>
  );
}

export function Push() {
  useEffect(() => showing(['samples/#']), []);
  const { data, problem, again } = useLoad(() => get<Page<PushClient>>('push/clients'), 'clients', 2000);
  const [failed, setFailed] = useState<Problem | null>(null);
  const disconnect = (one: PushClient) => call('DELETE', `push/clients/${encodeURIComponent(one.conn)}`).then(() => { announce(t.push.disconnected); setFailed(null); return again(); }, (error: unknown) => setFailed(problemOf(error)));
  return (
    <Main title={t.push.title} wide>
      <Latency />
      <section aria-labelledby="clients">
        <h2 id="clients">{t.push.clients}</h2>
        {problem && <Trouble problem={problem} retry={again} />}
        {failed && <ProblemView problem={failed} />}
        {data?.items.length === 0 && <p>{t.push.none}</p>}
        {data && data.items.length > 0 && (
          <Scroll label={t.push.caption}>
            <table class="cards">
              <caption class="sr">{t.push.caption}</caption>
              <thead><tr>{[t.push.who, t.push.transport, t.push.remote, t.push.channels].map((name) => <th key={name} scope="col">{name}</th>)}{[t.push.events, t.push.bytes, t.push.conflated, t.push.dropped, t.push.queue, t.push.open].map((name) => <th key={name} scope="col" class="number">{name}</th>)}<th scope="col"><span class="sr">{t.push.disconnect}</span></th></tr></thead>
              <tbody>
                {data.items.slice(0, 200).map((one) => (
                  <tr key={one.conn} data-row>
                    <th scope="row">{one.who}{one.slow && <span class="pill stale">{t.push.slow}</span>}</th>
                    <td data-name={t.push.transport}>{one.transport}</td>
                    <td data-name={t.push.remote}>{one.remote}</td>
                    <td data-name={t.push.channels}>{one.channels.slice(0, 8).map((name) => <code key={name}>{name} </code>)}{one.channels.length > 8 ? `+${one.channels.length - 8}` : ''}</td>
                    <td data-name={t.push.events} class="number">{countText(one.events)}</td>
                    <td data-name={t.push.bytes} class="number">{bytesText(one.bytes)}</td>
                    <td data-name={t.push.conflated} class="number">{countText(one.conflated)}</td>
                    <td data-name={t.push.dropped} class="number">{countText(one.dropped)}</td>
                    <td data-name={t.push.queue} class="number">{bytesText(one.queue_bytes)}</td>
                    <td data-name={t.push.open} class="number">{spanText(one.open_s * 1e3)}</td>
                    <td><button type="button" disabled={!may('admin')} onClick={() => void disconnect(one)} aria-label={t.push.disconnectOne(one.who, one.remote)}>{t.push.disconnect}</button></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </Scroll>
        )}
      </section>
    </Main>
  );
}
