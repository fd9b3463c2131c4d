import { useEffect, useState } from 'preact/hooks';
import { call, problemOf, type Problem } from '../api/client';
import { announce } from '../lib/announce';
import { loadStatus, may } from '../lib/store';
import { t } from '../text/en';
import { Field, ProblemView, Trouble } from './bits';

const zones = (): string[] => (typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : []);

export function GatewayForm({ onDone }: { onDone?: () => void }) {
  const [name, setName] = useState('');
  const [zone, setZone] = useState(Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [etag, setEtag] = useState('');
  const [fixed, setFixed] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const load = () => call<{ name: string; time_zone: string; name_fixed?: boolean }>('GET', 'gateway').then(({ body, etag: got }) => {
    setName(body.name);
    if (body.time_zone && body.time_zone !== 'UTC') setZone(body.time_zone);
    setFixed(body.name_fixed ?? false);
    setEtag(got);
    setProblem(null);
  }, (error: unknown) => setProblem(problemOf(error)));
  useEffect(() => void load(), []);
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const { etag: next } = await call('PUT', 'gateway', { name, time_zone: zone }, { etag });
      setEtag(next);
      setProblem(null);
      announce(t.moreMenu.saved);
      await loadStatus();
      onDone?.();
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  if (problem?.missing) return <Trouble problem={problem} what={t.moreMenu.gateway} />;
  return (
    <form onSubmit={save} class="narrow">
      <Field id="gw-name" label={t.moreMenu.name} hint={fixed ? t.moreMenu.fixed : ''}>{(d) => <input {...d} type="text" maxLength={64} required value={name} disabled={!may('admin') || fixed} onInput={(event) => setName(event.currentTarget.value)} />}</Field>
      <Field id="gw-zone" label={t.moreMenu.zone}>{(d) => <input {...d} type="text" list="zones" value={zone} disabled={!may('admin')} autocomplete="off" onInput={(event) => setZone(event.currentTarget.value)} />}</Field>
      <datalist id="zones">{zones().map((one) => <option key={one} value={one} />)}</datalist>
      {problem && <ProblemView problem={problem} retry={problem.status === 412 ? () => void load() : undefined} />}
      <p class="actions"><button type="submit" class="primary" disabled={!may('admin')}>{t.first.saveName}</button></p>
    </form>
  );
}
