import { useState } from 'preact/hooks';
import { call, post, problemOf, type Problem } from '../api/client';
import type { Simulator } from '../api/shapes';
import { announce } from '../lib/announce';
import { spanText, type Scalar } from '../lib/format';
import { useLoad } from '../lib/load';
import { loadSimulator } from '../lib/sim';
import { t } from '../text/en';
import { Choice, CopyBlock, Facts, Field, ProblemView, Scroll, Trouble } from '../ui/bits';
import { Main } from '../ui/shell';

type Act = (work: Promise<unknown>, said: string) => Promise<void>;

// "3" is a number, "true" a switch, everything else text.
function valueOf(text: string): Scalar {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}

function Inputs({ sim, act }: { sim: Simulator; act: Act }) {
  const [typed, setTyped] = useState<Record<string, string>>({});
  if (sim.inputs.length === 0) return <p>{t.sim.inputsNone}</p>;
  return (
    <ul class="rows">
      {sim.inputs.map((one) => {
        const id = `input-${one.id.replace(/\W/g, '-')}`;
        return (
          <li key={one.id} data-row>
            <form class="inline-form" onSubmit={(event) => { event.preventDefault(); void act(call('PUT', `simulator/inputs/${encodeURIComponent(one.id)}`, { value: valueOf(typed[one.id] ?? `${one.value ?? ''}`) }), t.sim.set(one.id)); }}>
              <Field id={id} label={t.sim.value(one.id)}>{(d) => <input {...d} type="text" value={typed[one.id] ?? `${one.value ?? ''}`} onInput={(event) => setTyped({ ...typed, [one.id]: event.currentTarget.value })} />}</Field>
              <button type="submit" aria-label={t.sim.setOne(one.id)}>{t.sim.setInput}</button>
            </form>
          </li>
        );
      })}
    </ul>
  );
}

function Break({ sim, act }: { sim: Simulator; act: Act }) {
  const [on, setOn] = useState('');
  const [kind, setKind] = useState('');
  const [forS, setForS] = useState('30');
  const place = sim.switches.find((one) => one.on === on) ?? sim.switches[0];
  if (!place) return <p>{t.sim.nothing}</p>;
  const what = place.kinds.includes(kind) ? kind : (place.kinds[0] ?? '');
  const start = (event: Event) => {
    event.preventDefault();
    void act(post('simulator/faults', { on: place.on, kind: what, ...(Number(forS) > 0 ? { for_s: Number(forS) } : {}) }), t.sim.started(what, place.on));
  };
  return (
    <form class="toolbar" onSubmit={start}>
      <Choice id="fault-on" label={t.sim.on} value={place.on} options={sim.switches.map((one) => [one.on, one.on])} onChange={setOn} />
      <Choice id="fault-kind" label={t.sim.kind} value={what} options={place.kinds.map((one) => [one, one])} onChange={setKind} />
      <Field id="fault-for" label={t.sim.forS} hint={t.sim.forHint}>{(d) => <input {...d} type="text" inputMode="numeric" value={forS} onInput={(event) => setForS(event.currentTarget.value)} />}</Field>
      <button type="submit" class="primary">{t.sim.start}</button>
    </form>
  );
}

function Faults({ sim, act }: { sim: Simulator; act: Act }) {
  const active = sim.faults.filter((one) => one.active);
  if (active.length === 0) return <p>{t.sim.faultsNone}</p>;
  return (
    <ul class="rows">
      {active.map((one) => (
        <li key={one.id} data-row><b>{one.kind}</b> {one.on} <span class="quiet">{one.ends_in_s === null ? t.sim.untilStopped : t.sim.endsIn(spanText(one.ends_in_s * 1e3))}</span>{' '}
          <button type="button" aria-label={t.sim.stopOne(one.kind, one.on)} onClick={() => void act(call('DELETE', `simulator/faults/${encodeURIComponent(String(one.id))}`), t.sim.ended)}>{t.sim.stopFault}</button></li>
      ))}
    </ul>
  );
}

export function SimulatorPage() {
  const { data: sim, problem, again } = useLoad(loadSimulator, 'simulator', 2000);
  const [failed, setFailed] = useState<Problem | null>(null);
  const act: Act = async (work, said) => {
    try {
      await work;
      announce(said);
      setFailed(null);
    } catch (error) {
      setFailed(problemOf(error));
    }
    await again();
  };
  return (
    <Main title={t.sim.title}>
      {problem && (problem.missing || problem.status === 502 ? <section class="empty"><h2>{t.sim.none}</h2><p>{t.sim.noneText}</p><CopyBlock label={t.first.simulateCommand} text={t.first.simulateCommand} /></section> : <Trouble problem={problem} retry={again} />)}
      {failed && <ProblemView problem={failed} />}
      {sim && (
        <>
          <Facts rows={[[t.sim.scenario, sim.scenario], [t.sim.state, sim.paused ? t.sim.isPaused : sim.running ? t.sim.running : t.sim.stopped], [t.sim.elapsed, spanText(sim.elapsed_s * 1e3)], [t.sim.seed, `${sim.seed}`]]} />
          <p><button type="button" onClick={() => void act(post(`simulator/${sim.paused ? 'resume' : 'pause'}`), sim.paused ? t.sim.running : t.sim.isPaused)}>{sim.paused ? t.sim.resume : t.sim.pause}</button></p>
          <section aria-labelledby="faults"><h2 id="faults">{t.sim.faults}</h2><Faults sim={sim} act={act} /></section>
          <section aria-labelledby="break"><h2 id="break">{t.sim.break}</h2><Break sim={sim} act={act} /></section>
          <section aria-labelledby="inputs"><h2 id="inputs">{t.sim.inputs}</h2><Inputs sim={sim} act={act} /></section>
          <section aria-labelledby="sim-devices">
            <h2 id="sim-devices">{t.sim.devices}</h2>
            <Scroll label={t.sim.devicesCaption}>
              <table><caption class="sr">{t.sim.devicesCaption}</caption><thead><tr><th scope="col">{t.devices.name}</th><th scope="col">{t.sim.personality}</th><th scope="col">{t.sim.state}</th></tr></thead>
                <tbody>{sim.devices.slice(0, 200).map((one) => <tr key={one.id}><th scope="row">{one.id}</th><td>{one.personality}</td><td>{one.state}</td></tr>)}</tbody></table>
            </Scroll>
          </section>
        </>
      )}
    </Main>
  );
}
