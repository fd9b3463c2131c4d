import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { get } from '../api/client';
import type { Device, Page, RuleItem } from '../api/shapes';
import { go } from '../lib/router';
import { devices } from '../lib/store';
import { simulated } from '../lib/sim';
import { letterKeys, setTheme } from '../lib/theme';
import { t } from '../text/en';
import { Dialog } from './bits';

const typing = (target: EventTarget | null): boolean => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

// Rows carry data-row; j and k walk them, a presses the row's data-ack button.
function moveRow(step: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main [data-row]')];
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + step))]!;
  const target = next.matches('a,button') ? next : next.querySelector<HTMLElement>('a,button') ?? next;
  target.focus();
  next.scrollIntoView({ block: 'nearest' });
}

export function useKeys(openPalette: () => void, openHelp: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        if (!document.querySelector('dialog[open]')) openPalette();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || !letterKeys.value || typing(event.target) || document.querySelector('dialog[open]')) return;
      const act: Record<string, () => void> = {
        '/': () => document.getElementById('filter')?.focus(),
        j: () => moveRow(1),
        k: () => moveRow(-1),
        a: () => document.activeElement?.closest('[data-row]')?.querySelector<HTMLElement>('[data-ack]')?.click(),
        '?': openHelp,
      };
      if (!act[event.key]) return;
      event.preventDefault();
      act[event.key]!();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  }, []);
}

export function KeysDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={t.keys.title} onClose={onClose}>
      <dl class="facts">{t.keys.list.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
      <p class="quiet">{t.keys.off}</p>
      <p class="actions"><button type="button" onClick={onClose}>{t.close}</button></p>
    </Dialog>
  );
}

interface Entry {
  text: string;
  kind: string;
  act: () => void;
}
const MOST = 8;

function fixedEntries(): Entry[] {
  const pages = (['live', 'devices', 'rules', 'alarms', 'cloud', 'push', 'simulator', 'more'] as const).filter((name) => name !== 'simulator' || simulated.value);
  return [
    ...pages.map((name) => ({ text: t.nav[name], kind: t.palette.page, act: () => go([name]) })),
    { text: t.rules.add, kind: t.palette.action, act: () => go(['rules', 'new']) },
    ...(['system', 'light', 'dark'] as const).map((name) => ({ text: `${t.moreMenu.theme}: ${t.moreMenu.themes[name]}`, kind: t.palette.action, act: () => setTheme(name) })),
  ];
}

export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const [found, setFound] = useState<Entry[]>([]);
  const rules = useRef<Entry[]>([]);
  useEffect(() => {
    get<Page<RuleItem>>('rules').then((page) => (rules.current = page.items.map((one) => ({ text: one.title || one.id, kind: t.palette.rule, act: () => go(['rules', one.id]) }))), () => {});
  }, []);
  useEffect(() => { // more devices than are loaded: the box looks
    if (text.length < 2) return setFound([]);
    const stop = new AbortController();
    const timer = setTimeout(() => {
      get<Page<Device>>(`devices?limit=${MOST}&points=0&filter=${encodeURIComponent(text)}`, stop.signal)
        .then((page) => setFound(page.items.filter((one) => !devices.peek().has(one.id)).map((one) => deviceEntry(one.id, one.name))), () => {});
    }, 150);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text]);
  const shown = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const all = [...fixedEntries(), ...[...devices.peek().values()].map((one) => deviceEntry(one.info.id, one.info.name)), ...rules.current, ...found];
    return all.filter((one) => one.text.toLowerCase().includes(wanted)).slice(0, MOST);
  }, [text, found, rules.current]);
  const chosen = Math.min(at, shown.length - 1);
  const run = (one: Entry | undefined) => {
    if (!one) return;
    onClose();
    one.act();
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt(Math.min(shown.length - 1, chosen + 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(0, chosen - 1));
    else if (event.key === 'Enter') run(shown[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t.palette.title} onClose={onClose}>
      <div class="field">
        <label for="palette">{t.palette.label}</label>
        <input id="palette" type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list" aria-activedescendant={shown.length > 0 ? `palette-${chosen}` : undefined}
          autocomplete="off" spellcheck={false} value={text} onInput={(event) => { setText(event.currentTarget.value); setAt(0); }} onKeyDown={press} />
      </div>
      <ul id="palette-list" class="palette-list" role="listbox" aria-label={t.palette.results}>
        {shown.map((one, i) => <li key={`${one.kind}${one.text}`} id={`palette-${i}`} role="option" aria-selected={i === chosen} onClick={() => run(one)}><span>{one.text}</span> <span class="quiet">{one.kind}</span></li>)}
        {shown.length === 0 && <li role="option" aria-selected="false" aria-disabled="true">{t.palette.none}</li>}
      </ul>
      <p class="quiet">{t.palette.hint}</p>
    </Dialog>
  );
}

const deviceEntry = (id: string, name: string): Entry => ({ text: name || id, kind: t.palette.device, act: () => go(['devices', id]) });
