// Newcomers: who waits to be kept, what happens to who comes next, what the limits hold back.
import { useEffect, useState } from 'preact/hooks';
import { call, get, post, problemOf, type Problem } from '../api/client';
import type { Device, Newcomers, Page } from '../api/shapes';
import { announce } from '../lib/announce';
import { ageText, withUnit } from '../lib/format';
import { useLoad } from '../lib/load';
import { routeHash } from '../lib/router';
import { devices, may, newcomers, now, takeDevices, type DeviceLive } from '../lib/store';
import { t } from '../text/en';
import { Choice, ProblemView } from '../ui/bits';

const MOST = 100;
const KINDS = ['announced', 'structured', 'generic'];

// Keeps or ignores; an ignored device leaves every list at once.
export async function admit(id: string, how: 'keep' | 'ignore'): Promise<void> {
  await post(`devices/${encodeURIComponent(id)}/${how}`);
  const known = devices.peek().get(id);
  if (known) {
    const next = new Map(devices.peek());
    if (how === 'ignore') next.delete(id);
    known.info = { ...known.info, admission: how === 'keep' ? 'active' : 'ignored' };
    devices.value = next;
  }
  announce(how === 'keep' ? t.tray.kept(id) : t.tray.ignored(id));
}

function Row({ one, act }: { one: DeviceLive; act: (id: string, how: 'keep' | 'ignore') => void }) {
  const { info } = one;
  return (
    <li data-row data-device={info.id}>
      <a href={routeHash(['devices', info.id])}><b>{info.name || info.id}</b></a>{' '}
      <span class="quiet">{t.tray.looks(info.dialect, info.points.length)}, {ageText(now.value - one.at.value)}</span>
      <p class="tray-values">{one.points.slice(0, 4).map((p) => <span key={p.pt}>{p.pt} <b>{withUnit(p.value.value, p.u)}</b></span>)}</p>
      <p class="actions">
        <button type="button" class="primary" disabled={!may('write:devices')} aria-label={t.tray.keepOne(info.id)} onClick={() => act(info.id, 'keep')}>{t.tray.keep}</button>
        <button type="button" disabled={!may('write:devices')} aria-label={t.tray.ignoreOne(info.id)} onClick={() => act(info.id, 'ignore')}>{t.tray.ignore}</button>
      </p>
    </li>
  );
}

function Policy({ state, etag, changed }: { state: Newcomers; etag: string; changed: () => void }) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const set = (kind: string, word: string) => call('PUT', 'registry', { new: { [kind]: word } }, { etag }).then(() => { setProblem(null); announce(t.tray.policySaved); changed(); }, (error: unknown) => { setProblem(problemOf(error)); changed(); });
  const words = (word: string) => t.tray.policies[word] ?? word;
  const all = new Set(Object.values(state.new));
  return (
    <details>
      <summary>{t.tray.policy}: {all.size === 1 ? words([...all][0]!) : KINDS.map((kind) => `${t.tray.kinds[kind]!.toLowerCase()} ${words(state.new[kind] ?? '')}`).join('; ')}</summary>
      {state.fixed ? <p class="note">{t.tray.fixed}</p> : !may('write:devices') && <p class="note">{t.tray.mayNot}</p>}
      {KINDS.map((kind) => (
        <div key={kind}>
          <Choice id={`new-${kind}`} label={t.tray.kinds[kind]!} value={state.new[kind] ?? 'auto'} options={['auto', 'ask', 'ignore'].map((word) => [word, words(word)])} disabled={state.fixed || !may('write:devices')} onChange={(word) => void set(kind, word)} />
          <p class="hint">{t.tray.kindHints[kind]}</p>
        </div>
      ))}
      {problem && <ProblemView problem={problem} />}
    </details>
  );
}

export function Tray({ changed }: { changed: () => void }) {
  const state = useLoad(() => call<Newcomers>('GET', 'registry'), 'registry', 5000);
  const [rows, setRows] = useState<DeviceLive[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = () => get<Page<Device>>(`devices?show=new&limit=${MOST}`).then((page) => setRows(takeDevices(page.items)), (error: unknown) => setProblem(problemOf(error)));
  const waiting = state.data?.body.provisional ?? 0;
  useEffect(() => {
    void state.again();
    void load();
  }, [newcomers.value]);
  useEffect(() => void load(), [waiting]);
  const act = (id: string, how: 'keep' | 'ignore') => admit(id, how).then(async () => { setProblem(null); await Promise.all([state.again(), load()]); changed(); }, (error: unknown) => setProblem(problemOf(error)));
  const got = state.data;
  if (!got) return null;
  return (
    <section class="card tray" aria-labelledby="tray">
      <h2 id="tray">{t.tray.title}</h2>
      <p class="quiet">{rows.length > 0 ? t.tray.text : t.tray.none}</p>
      {problem && <ProblemView problem={problem} />}
      <ul class="rows">
        {rows.map((one) => <Row key={one.info.id} one={one} act={(id, how) => void act(id, how)} />)}
        {got.body.held_back_by.map((one) => <li key={one.why + one.source} class="held-back">{t.tray.heldBack(one.times, one.source, one.why, one.last)}</li>)}
      </ul>
      {waiting > rows.length && <p class="quiet">{t.shown(rows.length, waiting)}</p>}
      <Policy state={got.body} etag={got.etag} changed={() => void state.again()} />
    </section>
  );
}
