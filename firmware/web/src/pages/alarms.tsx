import type { VNode } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { post, problemOf, type Problem } from '../api/client';
import type { Alarm } from '../api/shapes';
import { announce } from '../lib/announce';
import { ageText, timeText, utcText, withUnit } from '../lib/format';
import { useLoad } from '../lib/load';
import { route, routeHash, setQuery } from '../lib/router';
import { flooding, groupsOf } from '../lib/flood';
import { SEVERITIES } from '../lib/ruleform';
import { alarms, alarmsLoaded, loadAlarms, may, now, status } from '../lib/store';
import { t } from '../text/en';
import { Choice, Dialog, Field, Filter, ProblemView, Severity, Trouble } from '../ui/bits';
import { Main } from '../ui/shell';
import { AlarmHistory } from './alarm-history';

const PAGE = 100;
const unacked = (one: Alarm) => one.state.endsWith('unack');
const rank = (one: Alarm) => (unacked(one) ? 0 : 10) + (one.state.startsWith('active') ? 0 : 5) + (3 - SEVERITIES.indexOf(one.severity as (typeof SEVERITIES)[number]));

function Note({ alarm, onClose }: { alarm: Alarm; onClose: () => void }) {
  const [note, setNote] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const send = async (event: Event) => {
    event.preventDefault();
    try {
      const got = await post<{ state: string }>(`alarms/${encodeURIComponent(alarm.alarm)}/ack`, note ? { note } : {});
      settle(alarm, got.state, note);
      announce(t.alarms.acked(alarm.alarm));
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  return (
    <Dialog title={t.alarms.noteTitle(alarm.alarm)} onClose={onClose}>
      <form onSubmit={send}>
        <p>{alarm.text}</p>
        <Field id="note" label={t.alarms.note}>{(d) => <input {...d} type="text" maxLength={500} value={note} onInput={(event) => setNote(event.currentTarget.value)} />}</Field>
        {problem && <ProblemView problem={problem} />}
        <p class="actions"><button type="submit" class="primary">{t.alarms.ack}</button><button type="button" onClick={onClose}>{t.cancel}</button></p>
      </form>
    </Dialog>
  );
}

// The answer counts at once; the stream says the same a moment later.
function settle(alarm: Alarm, state: string, note = ''): void {
  const next = new Map(alarms.peek());
  if (state === 'normal') next.delete(alarm.alarm);
  else next.set(alarm.alarm, { ...alarm, state, ...(note ? { note } : {}) });
  alarms.value = next;
}

interface Acts { onAck: (one: Alarm) => void; onFail: (problem: Problem) => void }
type Draw = (one: Alarm) => VNode;
let flood = false; // on above ten new ones, off at five: it must not flicker

const clockNow = (): number => { // alarms carry the gateway's time
  const clock = status.peek()?.clock;
  return Date.parse((typeof clock === 'string' ? clock : clock?.time) ?? '') || Date.now();
};

function Groups({ shown, most, draw }: { shown: Alarm[]; most: number; draw: Draw }) {
  return (
    <>
      {groupsOf(shown).slice(0, most).map(({ dev, alarms: mine }, i) => {
        const worst = [...mine].sort((a, b) => SEVERITIES.indexOf(b.severity as (typeof SEVERITIES)[number]) - SEVERITIES.indexOf(a.severity as (typeof SEVERITIES)[number]))[0]!;
        return (
          <details class="alarm-group" key={dev} open={i === 0}>
            <summary><Severity level={worst.severity} /> {i === 0 && <b>{t.alarms.first}: </b>}{t.alarms.group(dev, mine.length)}</summary>
            <ul class="alarm-list" aria-label={t.alarms.group(dev, mine.length)}>{mine.slice(0, PAGE).map(draw)}</ul>
          </details>
        );
      })}
    </>
  );
}

function Row({ one, onAck, onFail }: Acts & { one: Alarm }) {
  const reset = () => post<{ state: string }>(`alarms/${encodeURIComponent(one.alarm)}/reset`).then((got) => { settle(one, got.state); announce(t.alarms.wasReset(one.alarm)); }, (error: unknown) => onFail(problemOf(error)));
  const since = one.since ?? one.ts;
  return (
    <li class={`alarm ${one.severity} ${one.state}`} data-row tabIndex={-1}>
      <div class="alarm-head"><Severity level={one.severity} /><h2><a href={routeHash(['devices', one.dev], one.pt ? { pt: one.pt } : {})}>{one.dev}</a></h2><span class="state">{t.alarms.state[one.state] ?? one.state}{one.stale ? `, ${t.alarms.stale}` : ''}</span></div>
      <p class="alarm-text">{one.text || one.alarm}</p>
      <p class="quiet">
        {one.v !== undefined && <span>{t.alarms.value} {withUnit(one.v, one.u)}{one.limit !== undefined ? `, ${t.alarms.limit} ${withUnit(one.limit, one.u)}` : ''} · </span>}
        {since && <span title={utcText(since)}>{t.alarms.since(timeText(since))} ({ageText(Date.now() - Date.parse(since) + 0 * now.value)}) · </span>}
        {one.rule && <a href={routeHash(['rules', one.rule])}>{t.alarms.rule}: {one.rule}</a>}
        {one.by && <span> · {t.alarms.by(one.by, one.note ?? '')}</span>}
      </p>
      <p class="actions">
        {unacked(one) && <button type="button" class="primary" data-ack disabled={!may('ack:alarms')} title={may('ack:alarms') ? undefined : t.alarms.mayNot} onClick={() => onAck(one)} aria-label={t.alarms.ackOne(one.alarm)}>{t.alarms.ack}</button>}
        {one.state === 'latched-acked' && <button type="button" disabled={!may('ack:alarms')} onClick={reset} aria-label={t.alarms.resetOne(one.alarm)}>{t.alarms.reset}</button>}
      </p>
    </li>
  );
}

export function Alarms() {
  const { problem, again } = useLoad(loadAlarms, 'alarms', 30e3);
  const [acking, setAcking] = useState<Alarm | null>(null);
  const [failed, setFailed] = useState<Problem | null>(null);
  const [most, setMost] = useState(PAGE);
  const { q = '', severity = '', view = '' } = route.value.query;
  const wanted = q.toLowerCase();
  const all = [...alarms.value.values()];
  const shown = all.filter((one) => (!severity || one.severity === severity) && (!wanted || `${one.alarm} ${one.text}`.toLowerCase().includes(wanted)))
    .sort((a, b) => rank(a) - rank(b) || (b.since ?? '').localeCompare(a.since ?? '') || a.alarm.localeCompare(b.alarm));
  flood = flooding(flood, all, clockNow());
  const draw = useMemo<Draw>(() => { // an alarm that did not change keeps its row, which is then not compared
    const rows = new WeakMap<Alarm, VNode>();
    return (one) => {
      let row = rows.get(one);
      if (!row) rows.set(one, (row = <Row key={one.alarm} one={one} onAck={setAcking} onFail={setFailed} />));
      return row;
    };
  }, []);
  return (
    <Main title={t.alarms.title}>
      <div class="segments views" role="group" aria-label={t.alarms.views}>{['', 'history'].map((one) => <button type="button" key={one} aria-pressed={view === one} onClick={() => setQuery({ view: one })}>{one ? t.alarms.history : t.alarms.now}</button>)}</div>
      {(all.length > 0 || view) && (
        <div class="toolbar">
          <Filter value={q} onInput={(text) => setQuery({ q: text })} />
          <Choice id="severity" label={t.alarms.filterSeverity} value={severity} options={[['', t.alarms.all], ...[...SEVERITIES].reverse().map((one): [string, string] => [one, t.severity[one]!])]} onChange={(value) => setQuery({ severity: value })} />
        </div>
      )}
      {problem && <Trouble problem={problem} retry={again} />}
      {failed && <ProblemView problem={failed} />}
      {!may('ack:alarms') && <p class="note">{t.alarms.mayNot}</p>}
      {view ? <AlarmHistory q={q} severity={severity} /> : <>
      {alarmsLoaded.value && all.length === 0 && <p class="note calm">{t.alarms.none} {t.alarms.noneText}</p>}
      {all.length > 0 && <p class="count">{t.alarms.count(all.length, all.filter(unacked).length)}</p>}
      {flood && <p class="note">{t.alarms.flood(all.length)}</p>}
      {flood ? <Groups shown={shown} most={most} draw={draw} /> : <ul class="alarm-list" aria-label={t.alarms.list}>{shown.slice(0, most).map(draw)}</ul>}
      {!flood && shown.length > most && <p class="more"><button type="button" onClick={() => setMost(most + PAGE)}>{t.more(Math.min(PAGE, shown.length - most))}</button></p>}
      </>}
      {acking && <Note alarm={acking} onClose={() => setAcking(null)} />}
    </Main>
  );
}
