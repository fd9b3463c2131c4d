import { get, type FieldFault } from '../api/client';
import type { Page, RuleItem } from '../api/shapes';
import { useLoad } from '../lib/load';
import { route, routeHash, setQuery } from '../lib/router';
import { sentence } from '../lib/ruleform';
import { may } from '../lib/store';
import { t } from '../text/en';
import { Filter, Trouble } from '../ui/bits';
import { Main } from '../ui/shell';

function Row({ one }: { one: RuleItem }) {
  const broken = one.faults.filter((fault) => !fault.warning);
  const mode = broken.length > 0 ? t.rules.faulted : one.mode === 'off' || !one.active ? t.rules.off : t.rules.on;
  const active = (one.instances ?? []).filter((instance) => instance.state !== 'no').length;
  const facts = [
    mode, t.rules.fired(one.fires ?? 0), t.rules.judged(one.evaluations ?? 0),
    one.withheld ? t.rules.withheld(one.withheld) : '',
    one.instances?.length ? t.rules.watching(one.instances.length) : t.rules.noDevice,
    one.managed ? t.rules.managedUi : t.rules.managedFile(one.id),
  ].filter(Boolean);
  return (
    <li data-row class={`rule ${broken.length > 0 ? 'faulted' : active > 0 ? 'active' : ''}`}>
      <h2><a href={routeHash(['rules', one.id])}>{one.title || one.id}</a></h2>
      <p class="sentence">{sentence(one.rule)}</p>
      <p class="quiet">{facts.join(' · ')}</p>
      {broken.map((fault) => <p class="fault" key={fault.detail}>{fault.detail}{fault.hint ? ` (${fault.hint})` : ''}</p>)}
    </li>
  );
}

export function Rules() {
  const { data, problem, again } = useLoad(() => get<Page<RuleItem> & { faults?: FieldFault[] }>('rules'), 'rules', 5000);
  const { q = '' } = route.value.query;
  const wanted = q.toLowerCase();
  const shown = (data?.items ?? []).filter((one) => !wanted || `${one.id} ${one.title ?? ''} ${sentence(one.rule)}`.toLowerCase().includes(wanted));
  return (
    <Main title={t.rules.title}>
      <div class="toolbar">
        <Filter value={q} onInput={(text) => setQuery({ q: text })} />
        {may('write:rules') ? <a class="button primary" href="#/rules/new">{t.rules.add}</a> : <span class="quiet">{t.editor.readOnly}</span>}
      </div>
      {problem && <Trouble problem={problem} retry={again} />}
      {data?.items.length === 0 && <p>{t.rules.none}</p>}
      {data && data.items.length > 0 && shown.length === 0 && <p>{t.palette.none}</p>}
      <ul class="rules">{shown.slice(0, 300).map((one) => <Row key={one.id} one={one} />)}</ul>
      {data?.faults && data.faults.length > 0 && (
        <section aria-labelledby="broken"><h2 id="broken">{t.rules.broken}</h2><ul>{data.faults.map((one) => <li key={one.detail}>{one.detail}{one.line ? `, ${t.editor.at(one.line, one.col ?? 1)}` : ''}{one.hint ? ` (${one.hint})` : ''}</li>)}</ul></section>
      )}
    </Main>
  );
}
