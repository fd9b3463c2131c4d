// What alarms did, newest first, from the log.
import { useEffect, useState } from 'preact/hooks';
import { get, problemOf, type Problem } from '../api/client';
import type { LogItem, Page } from '../api/shapes';
import { announce } from '../lib/announce';
import { timeText, utcText, withUnit, type Scalar } from '../lib/format';
import { route, routeHash, setQuery } from '../lib/router';
import { saveCsv, saveJson, type Cell } from '../lib/save';
import { t } from '../text/en';
import { Choice, Scroll, Severity, Trouble } from '../ui/bits';

const SPANS: Record<string, number> = { '24h': 864e5, '7d': 6048e5, '30d': 2592e6 };
const MOST = 10_000; // of a file
const say = (one: unknown): string => (typeof one === 'string' ? one : '');
const HEADS = ['time_utc', 'change', 'severity', 'device', 'point', 'alarm', 'state', 'value', 'limit', 'unit', 'text', 'by', 'note', 'rule', 'rule_version'];
const cellsOf = ({ d }: LogItem): Cell[] => [d.ts, d.change, d.severity, d.dev, d.pt, d.alarm, d.state, d.v, d.limit, d.u, d.text, d.by, d.note, d.rule, d.version] as Cell[];

const ask = (span: string, cursor: string, limit: number) => get<Page<LogItem>>(`events-log?kind=alarm&from=${Date.now() - (SPANS[span] ?? SPANS['7d']!)}&limit=${limit}${cursor && `&cursor=${cursor}`}`);

export function AlarmHistory({ q, severity }: { q: string; severity: string }) {
  const { span = '7d' } = route.value.query;
  const [items, setItems] = useState<LogItem[] | null>(null);
  const [next, setNext] = useState('');
  const [problem, setProblem] = useState<Problem | null>(null);
  const wanted = q.toLowerCase();
  const fits = ({ d }: LogItem) => (!severity || d.severity === severity) && (!wanted || `${say(d.alarm)} ${say(d.text)} ${say(d.by)} ${say(d.note)}`.toLowerCase().includes(wanted));
  const fail = (error: unknown) => setProblem(problemOf(error));
  const load = (cursor: string) => ask(span, cursor, 200).then((page) => {
    setItems((before) => (cursor && before ? [...before, ...page.items] : page.items));
    setNext(page.next ?? '');
    setProblem(null);
  }, fail);
  useEffect(() => void load(''), [span]);
  const save = async (write: (all: LogItem[]) => void) => {
    try {
      const all: LogItem[] = [];
      for (let cursor = ''; all.length < MOST; ) {
        const page = await ask(span, cursor, 500);
        all.push(...page.items.filter(fits));
        if (!page.next) break;
        cursor = page.next;
      }
      write(all);
      announce(t.alarms.exported(all.length));
    } catch (error) {
      fail(error);
    }
  };
  const shown = (items ?? []).filter(fits);
  return (
    <>
      <div class="toolbar">
        <Choice id="span" label={t.alarms.span} value={span} options={Object.keys(SPANS).map((one) => [one, t.device.ranges[one]!])} onChange={(value) => setQuery({ span: value })} />
        <div class="segments">
          <button type="button" onClick={() => void save((all) => saveCsv('alarms', [HEADS, ...all.map(cellsOf)]))}>{t.devices.exportCsv}</button>
          <button type="button" onClick={() => void save((all) => saveJson('alarms', all.map((one) => one.d)))}>{t.devices.exportJson}</button>
        </div>
      </div>
      {problem && <Trouble problem={problem} retry={() => void load('')} />}
      {items && shown.length === 0 && <p class="note">{q || severity ? t.alarms.noMatch : t.alarms.noHistory}</p>}
      {shown.length > 0 && (
        <Scroll label={t.alarms.history}>
          <table class="cards">
            <caption class="sr">{t.alarms.historyCaption}</caption>
            <thead><tr><th scope="col">{t.device.time}</th><th scope="col">{t.alarms.change}</th><th scope="col">{t.alarms.filterSeverity}</th><th scope="col">{t.editor.device}</th><th scope="col">{t.alarms.text}</th><th scope="col" class="number">{t.alarms.value}</th><th scope="col">{t.alarms.who}</th></tr></thead>
            <tbody>
              {shown.map(({ d, pos }) => (
                <tr key={pos} data-row>
                  <th scope="row" title={utcText(say(d.ts))}>{timeText(say(d.ts))}</th>
                  <td data-name={t.alarms.change}>{t.alarms.changes[say(d.change)] ?? say(d.change)}</td>
                  <td data-name={t.alarms.filterSeverity}><Severity level={say(d.severity)} /></td>
                  <td data-name={t.editor.device}><a href={routeHash(['devices', say(d.dev)], d.pt ? { pt: say(d.pt) } : {})}>{say(d.dev)}</a></td>
                  <td data-name={t.alarms.text}>{say(d.text)}</td>
                  <td data-name={t.alarms.value} class="number">{d.v === undefined ? '' : withUnit(d.v as Scalar, say(d.u))}</td>
                  <td data-name={t.alarms.who}>{say(d.by)}{d.note ? `: “${say(d.note)}”` : ''}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {next && <p class="more"><button type="button" onClick={() => void load(next)}>{t.alarms.older}</button></p>}
    </>
  );
}
