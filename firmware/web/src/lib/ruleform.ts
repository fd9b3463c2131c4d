// The form of a rule and the rule it stands for. A rule with more in it than the form shows is edited as text.
import { t } from '../text/en';
import { unitText } from './format';
import type { Toml, TomlTable } from './toml';

export type Level = 'LL' | 'L' | 'H' | 'HH';
export const LEVELS: readonly Level[] = ['HH', 'H', 'L', 'LL'];
export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface RuleForm {
  title: string;
  mode: 'on' | 'off';
  device: string; // a name or a glob
  point: string;
  maxAge: string;
  unit: string; // of the limits; empty for a point without one
  watch: 'threshold' | 'deadband';
  levels: Record<Level, string>; // numbers as typed; empty = not used
  hysteresis: string; // with its unit
  for: string;
  keepFor: string;
  noData: '' | 'alarm' | 'hold' | 'clear';
  severity: Record<Level, Severity>;
  text: string;
  alarm: boolean;
  latch: boolean;
  route: boolean;
  lane: 'alarm' | 'live' | 'bulk';
  band: string; // deadband, with its unit
  percent: boolean;
  maxSilence: string;
}

export function emptyForm(device = '', point = '', unit = ''): RuleForm {
  return {
    title: '', mode: 'on', device, point, maxAge: '5 min', unit, watch: 'threshold',
    levels: { HH: '', H: '', L: '', LL: '' }, hysteresis: '', for: '', keepFor: '', noData: '',
    severity: { HH: 'critical', H: 'high', L: 'high', LL: 'critical' }, text: '{title}: {t}, limit {limit}',
    alarm: true, latch: false, route: false, lane: 'alarm', band: '', percent: false, maxSilence: '10 min',
  };
}

// Differences of temperatures are in K.
export const differenceUnit = (unit: string): string => (unit === 'Cel' || unit === '[degF]' ? 'K' : unit);

const amount = (text: string, unit: string): Toml => {
  const bare = text.trim();
  if (unit !== '') return `${bare} ${unit}`;
  const number = Number(bare);
  return bare !== '' && Number.isFinite(number) ? number : bare;
};

export const usedLevels = (form: RuleForm): Level[] => LEVELS.filter((level) => form.levels[level].trim() !== '');

export function ruleOf(form: RuleForm): TomlTable {
  const rule: TomlTable = {};
  if (form.title) rule.title = form.title;
  if (form.mode === 'off') rule.mode = 'off';
  rule.bind = { device: form.device };
  const input: TomlTable = { point: `{device}/${form.point}` };
  if (form.maxAge) input.max_age = form.maxAge;
  rule.inputs = { t: input };
  if (form.watch === 'deadband') {
    const step: TomlTable = { op: 'deadband', in: 't' };
    if (form.percent) step.percent = amount(form.band, '');
    else step.abs = amount(form.band, form.unit);
    if (form.maxSilence) step.max_silence = form.maxSilence;
    rule.step = [{ ...step, out: 'moved' }];
    rule.action = [{ type: 'drop', scope: 'uplink', while: 'withheld' }];
    return rule;
  }
  const condition: TomlTable = { op: 'threshold', in: 't' };
  for (const level of usedLevels(form)) condition[level] = amount(form.levels[level], form.unit);
  if (form.hysteresis) condition.hysteresis = amount(form.hysteresis, differenceUnit(form.unit));
  if (form.for) condition.for = form.for;
  if (form.keepFor) condition.keep_for = form.keepFor;
  rule.condition = condition;
  if (form.noData) rule.no_data = form.noData;
  rule.action = actionsOf(form);
  return rule;
}

function actionsOf(form: RuleForm): Toml[] {
  const actions: Toml[] = [];
  if (form.alarm) {
    const used = usedLevels(form);
    const first = form.severity[used[0] ?? 'H'];
    const same = used.every((level) => form.severity[level] === first);
    const severity: Toml = same ? first : Object.fromEntries(used.map((level) => [level, form.severity[level]]));
    const alarm: TomlTable = { type: 'alarm', severity };
    if (form.text) alarm.text = form.text;
    if (form.latch) alarm.latch = true;
    actions.push(alarm);
  }
  if (form.route) actions.push({ type: 'route', lane: form.lane, points: ['t'], while: 'active' });
  return actions;
}

// The form that stands for exactly this rule, or nothing.
export function formOf(rule: TomlTable): RuleForm | null {
  const form = read(rule);
  return form && canonical(ruleOf(form)) === canonical(rule) ? form : null;
}

const tableOf = (v: Toml | undefined): TomlTable | undefined => (typeof v === 'object' && v !== null && !Array.isArray(v) ? v : undefined);
const textOf = (v: Toml | undefined): string => (typeof v === 'string' ? v : typeof v === 'number' ? String(v) : '');

function read(rule: TomlTable): RuleForm | null {
  const form = emptyForm();
  const input = tableOf(tableOf(rule.inputs)?.t);
  const device = tableOf(rule.bind)?.device;
  const point = /^\{device\}\/(.+)$/.exec(textOf(input?.point))?.[1];
  if (typeof device !== 'string' || !point || !input) return null;
  Object.assign(form, { device, point, title: textOf(rule.title), maxAge: textOf(input.max_age), noData: textOf(rule.no_data) });
  if (rule.mode === 'off') form.mode = 'off';
  const actions = Array.isArray(rule.action) ? rule.action.map(tableOf) : [];
  if (Array.isArray(rule.step)) return readDeadband(form, tableOf(rule.step[0]));
  const condition = tableOf(rule.condition);
  if (!condition) return null;
  readThreshold(form, condition);
  const alarm = actions.find((one) => one?.type === 'alarm');
  form.alarm = !!alarm;
  if (alarm) readAlarm(form, alarm);
  const route = actions.find((one) => one?.type === 'route');
  form.route = !!route;
  if (route) form.lane = textOf(route.lane) as RuleForm['lane'];
  return form;
}

function readThreshold(form: RuleForm, condition: TomlTable): void {
  for (const level of LEVELS) {
    const [number, unit] = quantity(condition[level]);
    form.levels[level] = number;
    if (number !== '') form.unit = unit;
  }
  form.hysteresis = quantity(condition.hysteresis)[0];
  form.for = textOf(condition.for);
  form.keepFor = textOf(condition.keep_for);
}

function readAlarm(form: RuleForm, alarm: TomlTable): void {
  form.text = textOf(alarm.text);
  form.latch = alarm.latch === true;
  const one = textOf(alarm.severity) as Severity;
  const many = tableOf(alarm.severity);
  for (const level of LEVELS) form.severity[level] = many ? ((textOf(many[level]) || form.severity[level]) as Severity) : one;
}

function readDeadband(form: RuleForm, step: TomlTable | undefined): RuleForm | null {
  if (!step) return null;
  form.watch = 'deadband';
  form.percent = step.percent !== undefined;
  const [number, unit] = quantity(form.percent ? step.percent : step.abs);
  form.band = number;
  form.unit = form.percent ? '' : unit;
  form.maxSilence = textOf(step.max_silence);
  return form;
}

function quantity(v: Toml | undefined): [string, string] {
  if (typeof v === 'number') return [String(v), ''];
  const found = /^(\S+)(?: (.*))?$/.exec(textOf(v));
  return found ? [found[1]!, found[2] ?? ''] : ['', ''];
}

// Same meaning, same text: keys in order.
export function canonical(v: Toml): string {
  if (Array.isArray(v)) return `[${v.map(canonical).join(',')}]`;
  if (typeof v === 'object') return `{${Object.keys(v).sort().map((key) => `${JSON.stringify(key)}:${canonical(v[key]!)}`).join(',')}}`;
  return JSON.stringify(v);
}

// "When freezer-3 temp is above −15 °C for 3 s → high alarm."
export function sentence(rule: TomlTable): string {
  const form = formOf(rule);
  if (!form) return looseSentence(rule);
  const what = t.sentence.point(form.device, form.point);
  if (form.watch === 'deadband') return t.sentence.deadband(what, `${form.band} ${form.percent ? '%' : unitText(form.unit)}`.trim(), form.maxSilence);
  const limits = usedLevels(form).map((level) => {
    const limit = `${form.levels[level].replace(/^-/, '−')} ${unitText(form.unit)}`.trim();
    return level.startsWith('H') ? t.sentence.above(limit) : t.sentence.below(limit);
  });
  const does = [form.alarm ? t.sentence.alarm([...new Set(usedLevels(form).map((level) => t.severity[form.severity[level]]))].join(t.or)) : '',
    form.route ? t.sentence.route(t.lane[form.lane] ?? form.lane) : ''].filter(Boolean);
  return t.sentence.threshold(what, limits.join(t.or), form.for, does.join(', ') || t.sentence.nothing);
}

function looseSentence(rule: TomlTable): string {
  const inputs = Object.values(tableOf(rule.inputs) ?? {}).map((one) => textOf(tableOf(one)?.point));
  const bound = textOf(tableOf(rule.bind)?.device);
  const condition = tableOf(rule.condition);
  const when = textOf(condition?.when);
  const actions = Array.isArray(rule.action) ? rule.action.map((one) => textOf(tableOf(one)?.type)) : [];
  const points = inputs.map((point) => point.replace('{device}', bound)).join(', ');
  const held = textOf(condition?.for);
  if (when) return t.sentence.expression(when, points, held, actions.join(', '));
  const limits = LEVELS.filter((level) => condition?.[level] !== undefined).map((level) => {
    const [number, unit] = quantity(condition![level]);
    const limit = `${number.replace(/^-/, '−')} ${unitText(unit)}`.trim();
    return level.startsWith('H') ? t.sentence.above(limit) : t.sentence.below(limit);
  });
  if (limits.length > 0) return t.sentence.threshold(points, limits.join(t.or), held, actions.join(', '));
  return t.sentence.other(points, actions.join(', '));
}

// The points a rule reads, as [device glob, point].
export function pointsOf(rule: TomlTable): [string, string][] {
  const bound = textOf(tableOf(rule.bind)?.device);
  return Object.values(tableOf(rule.inputs) ?? {}).flatMap((one): [string, string][] => {
    const text = textOf(tableOf(one)?.point).replace('{device}', bound || '*');
    const at = text.indexOf('/');
    return at < 0 ? [] : [[text.slice(0, at), text.slice(at + 1)]];
  });
}

export function globMatches(glob: string, text: string): boolean {
  const pattern = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
  return new RegExp(`^${pattern}$`).test(text);
}

// The limits of a rule that are drawn on the chart of this point.
export function limitsOn(rule: TomlTable, device: string, point: string): { level: Level; value: number }[] {
  if (!pointsOf(rule).some(([glob, pt]) => pt === point && globMatches(glob, device))) return [];
  const condition = tableOf(rule.condition);
  if (condition?.op !== 'threshold') return [];
  return LEVELS.flatMap((level) => {
    const value = Number.parseFloat(quantity(condition[level])[0]);
    return Number.isFinite(value) ? [{ level, value }] : [];
  });
}

// "Freezer too warm" -> "freezer-too-warm": the name of the file.
export function idOf(title: string): string {
  return title.toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 63);
}
