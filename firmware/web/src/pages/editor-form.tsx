import type { ComponentChildren } from 'preact';
import type { FieldFault } from '../api/client';
import { unitText } from '../lib/format';
import { differenceUnit, LEVELS, SEVERITIES, usedLevels, globMatches, type Level, type RuleForm, type Severity } from '../lib/ruleform';
import { devices } from '../lib/store';
import { t } from '../text/en';
import { Check, Choice, Field } from '../ui/bits';

// What must be there before the box is asked.
export function needs(form: RuleForm, id: string): string {
  if (!id) return t.editor.needName;
  if (!form.device || !form.point) return t.editor.needPoint;
  if (form.watch === 'deadband') return form.band ? '' : t.editor.needBand;
  return usedLevels(form).length > 0 ? '' : t.editor.needLimit;
}

// Where a fault of the rule is shown on the form.
function faultAt(faults: FieldFault[], ...pointers: string[]): string | undefined {
  const found = faults.find((one) => !one.warning && pointers.some((p) => one.pointer === p || one.pointer.startsWith(`${p}/`)));
  return found && `${found.detail}${found.hint ? ` (${found.hint})` : ''}`;
}

interface Props {
  form: RuleForm;
  id: string;
  fixedId: boolean;
  faults: FieldFault[];
  disabled: boolean;
  change: (form: RuleForm) => void;
}

export function FormFields({ form, id, fixedId, faults, disabled, change }: Props) {
  const set = (part: Partial<RuleForm>) => change({ ...form, ...part });
  const text = (name: string, label: string, value: string, put: (value: string) => void, more: { hint?: string; fault?: string | undefined; list?: string; unit?: string; numeric?: boolean } = {}): ComponentChildren => (
    <Field id={name} label={label} hint={more.hint ?? ''} fault={more.fault}>
      {(d) => <span class="with-unit"><input {...d} type="text" inputMode={more.numeric ? 'decimal' : undefined} list={more.list} value={value} disabled={disabled} autocomplete="off" spellcheck={false} onInput={(event) => put(event.currentTarget.value)} />{more.unit && <span class="unit">{more.unit}</span>}</span>}
    </Field>
  );
  return (
    <form class="rule-form" onSubmit={(event) => event.preventDefault()} aria-label={t.editor.fieldsOf}>
      {text('title', t.editor.name, form.title, (title) => set({ title }), { hint: t.editor.nameHint(id), fault: faultAt(faults, '/title') })}
      <Check id="mode" label={t.editor.active} checked={form.mode === 'on'} disabled={disabled} onChange={(on) => set({ mode: on ? 'on' : 'off' })} />
      <fieldset>
        <legend>{t.editor.what}</legend>
        {text('device', t.editor.device, form.device, (device) => set({ device }), { hint: t.editor.deviceHint, list: 'devices-list', fault: faultAt(faults, '/bind') })}
        <datalist id="devices-list">{[...devices.value.keys()].slice(0, 200).map((one) => <option key={one} value={one} />)}</datalist>
        {text('point', t.editor.point, form.point, (point) => set({ point }), { list: 'points-list', fault: faultAt(faults, '/inputs/t/point') })}
        <datalist id="points-list">{pointNames(form.device).map((one) => <option key={one} value={one} />)}</datalist>
        <Choice id="watch" label={t.editor.watch} value={form.watch} disabled={disabled} options={[['threshold', t.editor.threshold], ['deadband', t.editor.deadband]]} onChange={(watch) => set({ watch: watch as RuleForm['watch'] })} />
      </fieldset>
      {form.watch === 'threshold' ? <Threshold form={form} faults={faults} disabled={disabled} set={set} text={text} /> : (
        <fieldset>
          <legend>{t.editor.deadband}</legend>
          {text('band', t.editor.band, form.band, (band) => set({ band }), { unit: form.percent ? '%' : unitText(form.unit), numeric: true, fault: faultAt(faults, '/step/0') })}
          <Check id="percent" label={t.editor.percent} checked={form.percent} disabled={disabled} onChange={(percent) => set({ percent })} />
          {text('max_silence', t.editor.maxSilence, form.maxSilence, (maxSilence) => set({ maxSilence }), { hint: t.editor.forHint })}
        </fieldset>
      )}
      {fixedId && <p class="quiet"><code>{t.editor.reviewFile(id)}</code></p>}
    </form>
  );
}

type Text = (name: string, label: string, value: string, put: (value: string) => void, more?: { hint?: string; fault?: string | undefined; list?: string; unit?: string; numeric?: boolean }) => ComponentChildren;

function Threshold({ form, faults, disabled, set, text }: { form: RuleForm; faults: FieldFault[]; disabled: boolean; set: (part: Partial<RuleForm>) => void; text: Text }) {
  const used = usedLevels(form);
  const level = (one: Level) => (
    <div class="level" key={one}>
      {text(`level-${one}`, t.editor.level[one]!, form.levels[one], (value) => set({ levels: { ...form.levels, [one]: value } }), { unit: unitText(form.unit), numeric: true, fault: faultAt(faults, `/condition/${one}`) })}
      {used.includes(one) && form.alarm && (
        <div class="field"><label for={`severity-${one}`} class="sr">{t.editor.severityOf(t.editor.level[one]!)}</label>
          <select id={`severity-${one}`} disabled={disabled} value={form.severity[one]} onChange={(event) => set({ severity: { ...form.severity, [one]: event.currentTarget.value as Severity } })}>
            {SEVERITIES.map((name) => <option key={name} value={name} selected={name === form.severity[one]}>{t.severity[name]}</option>)}
          </select></div>
      )}
    </div>
  );
  return (
    <>
      <fieldset>
        <legend>{t.editor.limits}</legend>
        <p class="hint">{t.editor.levelHint}</p>
        {LEVELS.map(level)}
        {text('hysteresis', t.editor.hysteresis, form.hysteresis, (hysteresis) => set({ hysteresis }), { hint: t.editor.hysteresisHint, unit: unitText(differenceUnit(form.unit)), numeric: true, fault: faultAt(faults, '/condition/hysteresis') })}
        {text('for', t.editor.for, form.for, (value) => set({ for: value }), { hint: t.editor.forHint, fault: faultAt(faults, '/condition/for') })}
        <details>
          <summary>{t.editor.keepFor}, {t.editor.noData.toLowerCase()}</summary>
          {text('keep_for', t.editor.keepFor, form.keepFor, (keepFor) => set({ keepFor }), { hint: t.editor.keepForHint, fault: faultAt(faults, '/condition/keep_for') })}
          {text('max_age', t.editor.maxAge, form.maxAge, (maxAge) => set({ maxAge }), { fault: faultAt(faults, '/inputs/t/max_age') })}
          <Choice id="no_data" label={t.editor.noData} value={form.noData} disabled={disabled} options={Object.entries(t.editor.noDataChoices)} onChange={(noData) => set({ noData: noData as RuleForm['noData'] })} />
        </details>
      </fieldset>
      <fieldset>
        <legend>{t.editor.actions}</legend>
        <Check id="alarm" label={t.editor.alarm} checked={form.alarm} disabled={disabled} onChange={(alarm) => set({ alarm })} />
        {form.alarm && text('alarm-text', t.editor.alarmText, form.text, (value) => set({ text: value }), { hint: t.editor.alarmTextHint, fault: faultAt(faults, '/action/0') })}
        {form.alarm && <Check id="latch" label={t.editor.latch} checked={form.latch} disabled={disabled} onChange={(latch) => set({ latch })} />}
        <Check id="route" label={t.editor.route} checked={form.route} disabled={disabled} onChange={(on) => set({ route: on })} />
        {form.route && <Choice id="lane" label={t.editor.lane} value={form.lane} disabled={disabled} options={Object.entries(t.lane)} onChange={(lane) => set({ lane: lane as RuleForm['lane'] })} />}
      </fieldset>
    </>
  );
}

function pointNames(device: string): string[] {
  const names = new Set<string>();
  for (const one of devices.value.values()) if (!device || globMatches(device, one.info.id)) for (const p of one.points.slice(0, 500)) names.add(p.pt);
  return [...names].slice(0, 500);
}
