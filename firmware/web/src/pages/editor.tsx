import { useEffect, useRef, useState } from 'preact/hooks';
import { call, get, problemOf, type FieldFault, type Problem } from '../api/client';
import type { Device, RuleItem } from '../api/shapes';
import { announce } from '../lib/announce';
import { useLoad } from '../lib/load';
import { go, route } from '../lib/router';
import { canonical, emptyForm, formOf, globMatches, idOf, ruleOf, usedLevels, type Level, type RuleForm } from '../lib/ruleform';
import { resolution } from '../lib/series';
import { offerUndo, undone } from '../lib/undo';
import { devices, devicesLoaded, loadDevices, may } from '../lib/store';
import { parseToml, TomlError, writeToml, type TomlTable } from '../lib/toml';
import { t } from '../text/en';
import { Dialog, Icon, ProblemView, Trouble } from '../ui/bits';
import { Chart, type Limit } from '../ui/chart';
import { Diff } from '../ui/diffview';
import { Main } from '../ui/shell';
import { loadSeries } from './device';
import { FormFields, needs } from './editor-form';

const CHECK_PAUSE = 40; // ms after the last key
const HOUR = 36e5;
const UNDO_S = 10;

interface Loaded {
  id: string;
  etag: string; // of what was loaded; empty for a new rule
  base: TomlTable | null;
  managed: boolean;
}

// What the editor holds: the text is the truth, the form is a view of it where it fits.
interface Draft {
  text: string;
  form: RuleForm | null;
  fault: FieldFault | null; // of the text itself
}
const ofForm = (form: RuleForm): Draft => ({ text: writeToml(ruleOf(form)), form, fault: null });
function ofText(text: string): Draft {
  try {
    return { text, form: formOf(parseToml(text)), fault: null };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return { text, form: null, fault: { pointer: '', detail: error.message, line: error.line, col: error.column } };
  }
}
function ruleOfDraft(draft: Draft): TomlTable | null {
  return draft.form ? ruleOf(draft.form) : draft.fault ? null : parseToml(draft.text);
}

function useCheck(rule: TomlTable | null, id: string, ready: boolean): { faults: FieldFault[]; done: boolean } {
  const [state, setState] = useState<{ faults: FieldFault[]; done: boolean }>({ faults: [], done: false });
  const key = rule ? canonical(rule) : '';
  useEffect(() => {
    if (!rule || !ready) return setState({ faults: [], done: false });
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call<{ ok: boolean; faults: FieldFault[] }>('POST', `rules/check?id=${encodeURIComponent(id || 'rule')}`, rule, { signal: stop.signal })
        .then(({ body }) => setState({ faults: body.faults, done: true }), (error: unknown) => {
          if (!stop.signal.aborted) setState({ faults: problemOf(error).errors, done: false });
        });
    }, CHECK_PAUSE);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key, id, ready]);
  return state;
}

function RuleChart({ form, change }: { form: RuleForm; change: (form: RuleForm) => void }) {
  const device = form.device.includes('*') || form.device.includes('?') ? ([...devices.value.keys()].find((id) => globMatches(form.device, id)) ?? '') : form.device;
  const ready = device !== '' && form.point !== '' && (!devices.value.has(device) || devices.value.get(device)!.points.some((one) => one.pt === form.point));
  const { data, problem } = useLoad(async () => {
    if (!ready) return null;
    const now = Date.now();
    return loadSeries(device, form.point, now - HOUR, now);
  }, ready ? `${device}/${form.point}` : '', 5000);
  if (!ready) return <p class="note">{t.editor.chartPick}</p>;
  if (problem) return <Trouble problem={problem} what={t.editor.chart} />;
  if (!data) return <div class="chart-room" />;
  if (data.t.length === 0) return <p class="note">{t.device.noHistory}</p>;
  const limits: Limit[] = form.watch === 'deadband' ? [] : usedLevels(form).flatMap((level) => {
    const value = Number(form.levels[level]);
    return Number.isFinite(value) ? [{ level, value, name: t.editor.level[level]! }] : [];
  });
  return <Chart series={data} name={`${device} ${form.point}`} limits={limits} step={resolution(data)} onLimit={may('write:rules') ? (level: Level, value: number) => change({ ...form, levels: { ...form.levels, [level]: `${value}` } }) : undefined} />;
}

function Verdict({ faults, done, needed }: { faults: FieldFault[]; done: boolean; needed: string }) {
  const bad = faults.filter((one) => !one.warning);
  return (
    <div role="status" class={`verdict ${bad.length > 0 || needed ? 'bad' : done ? 'good' : ''}`}>
      <p>{needed || (bad.length > 0 ? t.editor.faults(bad.length) : done ? t.editor.good : t.editor.checking)}</p>
      {!needed && faults.length > 0 && (
        <ul>{faults.map((one) => <li key={one.pointer + one.detail}>{one.warning ? `${t.editor.warning}: ` : ''}{one.detail}{one.hint ? ` (${one.hint})` : ''}</li>)}</ul>
      )}
    </div>
  );
}

function Review({ id, before, after, onSave, onClose, problem, busy }: { id: string; before: string; after: string; onSave: () => void; onClose: () => void; problem: Problem | null; busy: boolean }) {
  const same = before === after;
  return (
    <Dialog title={t.editor.reviewTitle} onClose={onClose} wide>
      <p><code>{t.editor.reviewFile(id)}</code></p>
      {same ? <p>{t.editor.unchanged}</p> : <Diff before={before} after={after} label={t.editor.diffLabel} />}
      {problem && <ProblemView problem={problem} />}
      <p class="actions">
        {!same && <button type="button" class="primary" disabled={busy} onClick={onSave}>{t.save}</button>}
        <button type="button" onClick={onClose}>{t.cancel}</button>
      </p>
    </Dialog>
  );
}

interface ConflictProps {
  base: string;
  mine: string;
  theirs: string | null;
  onMine: () => void;
  onTheirs: () => void;
  onGoOn: () => void;
}
function Conflict({ base, mine, theirs, onMine, onTheirs, onGoOn }: ConflictProps) {
  return (
    <Dialog title={t.editor.conflictTitle} onClose={onGoOn} wide>
      <p>{t.editor.conflictText}</p>
      <div class="three">
        <section aria-labelledby="c-mine"><h3 id="c-mine">{t.editor.yours}</h3><Diff before={base} after={mine} label={t.editor.yours} /></section>
        <section aria-labelledby="c-theirs"><h3 id="c-theirs">{t.editor.theirs}</h3>{theirs === null ? <p>{t.editor.conflictGone}</p> : <Diff before={base} after={theirs} label={t.editor.theirs} />}</section>
        <section aria-labelledby="c-base"><h3 id="c-base">{t.editor.base}</h3><pre tabIndex={0} role="region" aria-label={t.editor.base}>{base}</pre></section>
      </div>
      <p class="actions">
        <button type="button" class="primary" onClick={onMine}>{t.editor.keepMine}</button>
        <button type="button" onClick={onTheirs}>{t.editor.takeTheirs}</button>
        <button type="button" onClick={onGoOn}>{t.editor.goOn}</button>
      </p>
    </Dialog>
  );
}

function useUnits(form: RuleForm | null, change: (form: RuleForm) => void): void {
  // A limit has the unit of its point: taken over when the point is chosen.
  const found = form ? [...devices.value.values()].find((one) => globMatches(form.device || '*', one.info.id) && one.points.some((p) => p.pt === form.point))?.points.find((p) => p.pt === form.point) : undefined;
  const unit = found?.u;
  const chosen = form ? `${form.device}/${form.point}` : '';
  const last = useRef(chosen);
  useEffect(() => {
    if (!form || unit === undefined) return;
    if ((last.current !== chosen || usedLevels(form).length === 0) && unit !== form.unit) change({ ...form, unit });
    last.current = chosen;
  }, [chosen, unit]);
}

function Editor({ start }: { start: Loaded & { draft: Draft } }) {
  const [held, setHeld] = useState<Loaded>(start);
  const [draft, setDraft] = useState<Draft>(start.draft);
  const [asText, setAsText] = useState(start.draft.form === null);
  const [review, setReview] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [conflict, setConflict] = useState<{ theirs: RuleItem | null; etag: string } | null>(null);
  const [removing, setRemoving] = useState(false);
  const fresh = held.etag === '';
  const id = held.id || idOf(draft.form?.title ?? titleIn(draft));
  const mayWrite = may('write:rules') && (held.managed || fresh);
  const change = (form: RuleForm) => setDraft(ofForm(form));
  useUnits(mayWrite ? draft.form : null, change);
  const rule = ruleOfDraft(draft);
  const needed = draft.fault ? `${t.editor.at(draft.fault.line ?? 1, draft.fault.col ?? 1)}: ${draft.fault.detail}` : draft.form ? needs(draft.form, id) : id ? '' : t.editor.needName;
  const check = useCheck(rule, id, needed === '');
  const baseText = held.base ? writeToml(held.base) : '';
  const mineText = rule ? writeToml(rule) : draft.text;

  const save = async (etag: string) => {
    if (!rule) return;
    const previous = conflict ? (conflict.theirs?.rule ?? null) : held.base; // what this save replaces
    setBusy(true);
    setProblem(null);
    try {
      const { body, etag: next } = await call<RuleItem>('PUT', `rules/${encodeURIComponent(id)}`, rule, etag ? { etag } : { fresh: true });
      setReview(false);
      setConflict(null);
      setHeld({ id, etag: next || body.etag, base: rule, managed: true });
      announce(t.editor.saved);
      const saved = next || body.etag;
      const path = `rules/${encodeURIComponent(id)}`;
      offerUndo(t.editor.undoOffer(id, UNDO_S), t.editor.undone, previous ? () => call('PUT', path, previous, { etag: saved }) : () => call('DELETE', path, undefined, { etag: saved }).then(() => go(['rules'])));
      if (fresh) go(['rules', id]);
    } catch (error) {
      const refused = problemOf(error);
      if (refused.status === 412 || refused.status === 428) await meet();
      else setProblem(refused);
    } finally {
      setBusy(false);
    }
  };
  const meet = async () => { // somebody was faster: get their version
    try {
      const { body, etag } = await call<RuleItem>('GET', `rules/${encodeURIComponent(id)}`);
      setConflict({ theirs: body, etag: etag || body.etag });
    } catch (error) {
      if (!problemOf(error).missing) return setProblem(problemOf(error));
      setConflict({ theirs: null, etag: '' });
    }
    setReview(false);
  };
  const takeTheirs = () => {
    const theirs = conflict?.theirs;
    setConflict(null);
    if (!theirs) return go(['rules']);
    setHeld({ id, etag: conflict!.etag, base: theirs.rule, managed: theirs.managed });
    setDraft(draftOf(theirs.rule));
  };
  const goOn = () => {
    if (conflict) setHeld({ ...held, id, etag: conflict.etag, base: conflict.theirs?.rule ?? null });
    setConflict(null);
  };
  const remove = async () => {
    try {
      const path = `rules/${encodeURIComponent(id)}`;
      const gone = held.base;
      await call('DELETE', path, undefined, { etag: held.etag });
      if (gone) offerUndo(t.editor.undoDelete(id, UNDO_S), t.editor.undone, () => call('PUT', path, gone, { fresh: true }));
      go(['rules']);
    } catch (error) {
      setRemoving(false);
      setProblem(problemOf(error));
    }
  };

  return (
    <Main title={fresh ? t.editor.newTitle : t.editor.title(draft.form?.title || titleIn(draft) || id)} wide>
      <p><a class="back" href="#/rules"><Icon name="back" />{t.editor.back}</a></p>
      {!may('write:rules') && <p class="note">{t.editor.readOnly}</p>}
      {!held.managed && !fresh && <p class="note">{t.editor.fileManaged(id)} {may('write:rules') && <button type="button" onClick={() => setHeld({ id: '', etag: '', base: null, managed: true })}>{t.editor.copyRule}</button>}</p>}
      {problem && !review && <ProblemView problem={problem} />}
      <div class="segments" role="group" aria-label={t.editor.mode}>
        <button type="button" aria-pressed={!asText} disabled={draft.form === null} onClick={() => setAsText(false)}>{t.editor.form}</button>
        <button type="button" aria-pressed={asText} onClick={() => setAsText(true)}>{t.editor.text}</button>
      </div>
      {draft.form === null && !draft.fault && <p class="note">{t.editor.onlyText}</p>}
      <div class="split editor">
        <div>
          {asText || !draft.form ? <TextTab draft={draft} readOnly={!mayWrite} faults={check.faults} onInput={(text) => setDraft(ofText(text))} /> : <FormFields form={draft.form} id={id} fixedId={!fresh} faults={check.faults} disabled={!mayWrite} change={change} />}
          <Verdict faults={check.faults} done={check.done} needed={needed} />
          {mayWrite && (
            <p class="actions">
              <button type="button" class="primary" disabled={needed !== '' || check.faults.some((one) => !one.warning)} onClick={() => { setProblem(null); setReview(true); }}>{t.editor.review}</button>
              {!fresh && <button type="button" onClick={() => setRemoving(true)}>{t.remove}</button>}
            </p>
          )}
        </div>
        <section aria-labelledby="recorded"><h2 id="recorded">{t.editor.chart}</h2>{draft.form ? <RuleChart form={draft.form} change={mayWrite ? change : () => {}} /> : <p class="note">{t.editor.onlyText}</p>}</section>
      </div>
      {review && <Review id={id} before={baseText} after={mineText} busy={busy} problem={problem} onSave={() => void save(held.etag)} onClose={() => setReview(false)} />}
      {conflict && <Conflict base={baseText} mine={mineText} theirs={conflict.theirs ? writeToml(conflict.theirs.rule) : null} onMine={() => void save(conflict.etag)} onTheirs={takeTheirs} onGoOn={goOn} />}
      {removing && (
        <Dialog title={t.editor.deleteTitle} onClose={() => setRemoving(false)}>
          <p>{t.editor.deleteText}</p>
          <p class="actions"><button type="button" class="danger" onClick={() => void remove()}>{t.remove}</button><button type="button" onClick={() => setRemoving(false)}>{t.cancel}</button></p>
        </Dialog>
      )}
    </Main>
  );
}

function titleIn(draft: Draft): string {
  const rule = draft.fault ? null : ruleOfDraft(draft);
  return typeof rule?.title === 'string' ? rule.title : '';
}
const draftOf = (rule: TomlTable): Draft => {
  const form = formOf(rule);
  return form ? ofForm(form) : { text: writeToml(rule), form: null, fault: null };
};

function TextTab({ draft, readOnly, faults, onInput }: { draft: Draft; readOnly: boolean; faults: FieldFault[]; onInput: (text: string) => void }) {
  const all = draft.fault ? [draft.fault] : faults;
  return (
    <div class="field">
      <label for="toml">{t.editor.tomlLabel}</label>
      <textarea id="toml" class="toml" rows={18} spellcheck={false} readOnly={readOnly} value={draft.text} aria-describedby="toml-help toml-faults" aria-invalid={all.some((one) => !one.warning) ? 'true' : undefined} onInput={(event) => onInput(event.currentTarget.value)} />
      <p class="hint" id="toml-help">{t.editor.tomlHelp}</p>
      <ul class="fault" id="toml-faults">{all.map((one) => <li key={one.pointer + one.detail}>{one.line ? `${t.editor.at(one.line, one.col ?? 1)}: ` : one.pointer ? `${one.pointer}: ` : ''}{one.detail}</li>)}</ul>
    </div>
  );
}

export function RulePage({ id }: { id: string }) {
  const fresh = id === 'new';
  const { query } = route.value;
  const from = useRef(query);
  useEffect(() => {
    if (!devicesLoaded.peek()) loadDevices().catch(() => {});
  }, []);
  const { data, problem, again } = useLoad(async (): Promise<Loaded & { draft: Draft }> => {
    if (fresh) {
      const { device = '', point = '' } = from.current;
      const known = device ? await get<Device>(`devices/${encodeURIComponent(device)}`).catch(() => null) : null;
      const unit = known?.points.find((one) => one.pt === point)?.u ?? '';
      return { id: '', etag: '', base: null, managed: true, draft: ofForm(emptyForm(device, point, unit)) };
    }
    const { body, etag } = await call<RuleItem>('GET', `rules/${encodeURIComponent(id)}`);
    return { id, etag: etag || body.etag, base: body.rule, managed: body.managed, draft: draftOf(body.rule) };
  }, `${id}/${undone.value}`);
  if (data) return <Editor key={`${id}/${undone.value}`} start={data} />;
  return <Main title={fresh ? t.editor.newTitle : t.editor.title(id)}>{problem && <Trouble problem={problem} retry={again} />}</Main>;
}
