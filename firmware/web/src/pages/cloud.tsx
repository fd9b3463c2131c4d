import { useState } from 'preact/hooks';
import { get, post, problemOf, type Problem } from '../api/client';
import type { Ledger, LedgerLane, Page, Uplink } from '../api/shapes';
import { announce } from '../lib/announce';
import { ageText, bytesText, countText, spanText, timeText } from '../lib/format';
import { useLoad } from '../lib/load';
import { may } from '../lib/store';
import { t } from '../text/en';
import { Facts, ProblemView, Scroll, sentence, Trouble } from '../ui/bits';
import { Main } from '../ui/shell';

const isPaused = (one: Uplink) => one.state === 'paused';
const kind = (one: Uplink) => (isPaused(one) ? 'unknown' : one.connected ? (one.state === 'streaming' || one.state === 'idle' ? 'online' : 'degraded') : 'silent');
const difference = (lane: LedgerLane) => lane.accepted - lane.acknowledged - lane.waiting - lane.shed - lane.expired;

function LedgerTable({ id, ledger }: { id: string; ledger: Ledger }) {
  const row = (name: string, lane: LedgerLane, head = false) => (
    <tr key={name} class={head ? 'sum' : ''}>
      <th scope="row">{name}</th>
      {[lane.accepted, lane.acknowledged, lane.waiting, lane.shed, lane.expired, difference(lane)].map((n, i) => <td key={i} class="number">{countText(n)}</td>)}
    </tr>
  );
  const { sum } = ledger;
  const causes = Object.entries(ledger.causes);
  return (
    <>
      <p class="equation">{t.cloud.equation(countText(sum.accepted), countText(sum.acknowledged), countText(sum.waiting), countText(sum.shed), countText(sum.expired), countText(difference(sum)))}</p>
      <Scroll label={t.cloud.ledgerCaption(id)}>
        <table>
          <caption class="sr">{t.cloud.ledgerCaption(id)}</caption>
          <thead><tr><th scope="col">{t.cloud.lane}</th>{[t.cloud.accepted, t.cloud.acknowledged, t.cloud.waitingCol, t.cloud.shed, t.cloud.expired, t.cloud.difference].map((name) => <th key={name} scope="col" class="number">{name}</th>)}</tr></thead>
          <tbody>{Object.entries(ledger.lanes).map(([name, lane]) => row(t.cloud.laneNames[name] ?? name, lane))}{row(t.cloud.sum, sum, true)}</tbody>
        </table>
      </Scroll>
      {causes.length === 0 ? <p class="quiet">{t.cloud.causeNone}</p> : <><h4>{t.cloud.causes}</h4><ul>{causes.map(([name, n]) => <li key={name}>{name}: {countText(n)}</li>)}</ul></>}
    </>
  );
}

function Dead({ id, n }: { id: string; n: number }) {
  const [open, setOpen] = useState(false);
  const { data, problem } = useLoad(async () => (open ? get<Page<{ seq: number; lane: string; reason: string; record: unknown }>>(`uplinks/${encodeURIComponent(id)}/dead`) : null), `${open}`);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t.cloud.dead(n)}</summary>
      {problem && <Trouble problem={problem} />}
      {data && <ul class="rows">{data.items.slice(0, 100).map((one) => <li key={one.seq}><b>{one.reason}</b> <code class="payload">{JSON.stringify(one.record).slice(0, 300)}</code></li>)}</ul>}
    </details>
  );
}

function Card({ one, ledger, again }: { one: Uplink; ledger: Ledger | undefined; again: () => Promise<void> }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const paused = isPaused(one);
  const press = async () => {
    try {
      await post(`uplinks/${encodeURIComponent(one.id)}/${paused ? 'resume' : 'pause'}`);
      announce(paused ? t.cloud.resumed(one.id) : t.cloud.pausedNow(one.id));
      setProblem(null);
      await again();
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const state = kind(one);
  const word = paused ? t.cloud.paused : state === 'online' ? t.cloud.up : state === 'degraded' ? t.cloud.degraded : t.cloud.down;
  return (
    <section class="card" aria-labelledby={`up-${one.id}`} data-row>
      <div class="card-head"><h2 id={`up-${one.id}`}>{one.id}</h2><span class={`pill ${state}`}>{word}</span>
        <button type="button" disabled={!may('write:uplinks')} title={may('write:uplinks') ? undefined : t.cloud.mayNot} onClick={press} aria-label={paused ? t.cloud.resumeOne(one.id) : t.cloud.pauseOne(one.id)}>{paused ? t.cloud.resume : t.cloud.pause}</button></div>
      <p class="words">{sentence(one.words || one.state)}{one.since ? ` ${sentence(t.cloud.since(timeText(one.since)))}` : ''}</p>
      {problem && <ProblemView problem={problem} />}
      <h3>{t.cloud.backlog}</h3>
      <p class="big">{one.waiting === 0 ? sentence(t.cloud.nothing) : t.cloud.waiting(one.waiting)}</p>
      <Facts rows={[
        [t.cloud.bytes, bytesText(one.waiting_bytes)],
        [t.cloud.oldest, one.backlog?.oldest_age_s != null ? ageText(one.backlog.oldest_age_s * 1e3) : ledger?.oldest_waiting ? ageText(Date.now() - Date.parse(ledger.oldest_waiting)) : one.waiting === 0 ? t.cloud.nothing : t.age.now],
        ...(one.drain_s !== undefined && one.waiting > 0 ? [[t.cloud.drain, spanText(one.drain_s * 1e3)] as [string, string]] : []),
        [t.cloud.rate, t.cloud.perSecond(one.rate.toFixed(1))],
        [t.cloud.lastAck, timeText(one.last_ack)],
        [t.cloud.lastError, one.last_error ? `${one.last_error} (${timeText(one.last_error_at)})` : t.never],
        [t.cloud.inFlight, countText(one.in_flight)], [t.cloud.connects, countText(one.connects)], [t.cloud.refused, countText(one.refused)],
      ]} />
      <h3>{t.cloud.ledger}</h3>
      {ledger && <LedgerTable id={one.id} ledger={ledger} />}
      {ledger && ledger.sum.dead > 0 && <Dead id={one.id} n={ledger.sum.dead} />}
    </section>
  );
}

export function Cloud() {
  const { data, problem, again } = useLoad(async () => {
    const page = await get<Page<Uplink>>('uplinks');
    const ledgers = await Promise.all(page.items.slice(0, 50).map((one) => get<Ledger>(`uplinks/${encodeURIComponent(one.id)}/ledger`)));
    return { items: page.items, ledgers };
  }, 'uplinks', 2000);
  return (
    <Main title={t.cloud.title}>
      {problem && <Trouble problem={problem} retry={again} />}
      {data?.items.length === 0 && <p class="note">{t.cloud.none} {t.cloud.noneText}</p>}
      {data?.items.slice(0, 50).map((one, i) => <Card key={one.id} one={one} ledger={data.ledgers[i]} again={again} />)}
    </Main>
  );
}
