import { useEffect, useRef, useState } from 'preact/hooks';
import { assertive, polite } from '../lib/announce';
import { route, routeHash } from '../lib/router';
import { clockTrusted, lastLatency, link, linkSince, missed, now, retry, status, alarms } from '../lib/store';
import { SEVERITIES } from '../lib/ruleform';
import { simulated } from '../lib/sim';
import { t } from '../text/en';
import { dismiss, offer, undo } from '../lib/undo';
import { Icon, ProblemView, Severity } from './bits';
import { KeysDialog, Palette, useKeys } from './keys';

const FIRST = ['live', 'devices', 'rules', 'alarms', 'cloud'] as const;
const THEN = ['push', 'simulator', 'more'] as const;

function Menu() {
  const here = route.value.path[0] ?? 'live';
  const names = [...FIRST, ...THEN].filter((name) => name !== 'simulator' || simulated.value);
  return (
    <nav class="menu" aria-label={t.mainMenu}>
      <ul>
        {names.map((name) => (
          <li key={name} class={name === 'push' || name === 'simulator' ? 'wide-only' : ''}>
            <a href={routeHash([name])} aria-current={here === name ? 'page' : undefined}><Icon name={name} /><span>{t.nav[name]}</span></a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function AlarmItem() {
  const counts = new Map<string, number>();
  let unack = 0;
  for (const one of alarms.value.values()) {
    counts.set(one.severity, (counts.get(one.severity) ?? 0) + 1);
    if (one.state.endsWith('unack')) ++unack;
  }
  const shown = [...SEVERITIES].reverse().filter((level) => counts.has(level));
  return (
    <li>
      <a href="#/alarms">
        {shown.length === 0 ? <><Icon name="alarms" />{t.ribbon.noAlarms}</> : shown.map((level) => <span class="pair" key={level}><Severity level={level} word={false} />{t.ribbon.alarms(counts.get(level)!, t.severity[level]!)}</span>)}
        {unack > 0 && <span class="quiet wide-only">{t.ribbon.unack(unack)}</span>}
      </a>
    </li>
  );
}

function CloudItem() {
  const up = status.value?.uplinks;
  if (!up) return null;
  const words = up.up + up.down + (up.paused ?? 0) === 0 ? t.ribbon.cloudNone : up.up + up.down === 0 ? t.ribbon.cloudPaused(up.waiting) : up.down === 0 ? t.ribbon.cloudUp(up.waiting) : up.up === 0 ? t.ribbon.cloudDown(up.waiting) : t.ribbon.cloudDegraded(up.waiting);
  return <li class={up.down > 0 ? 'bad' : ''}><a href="#/cloud"><Icon name="cloud" />{words}</a></li>;
}

function StorageItem() {
  const now = status.value;
  if (!now) return null;
  const days = now.storage ? now.storage.days_left : null;
  const percent = Math.min(100, Math.round((100 * (now.storage?.used_bytes ?? now.log.database_bytes)) / Math.max(1, now.storage?.max_bytes ?? now.log.max_bytes)));
  return <li class="wide-only"><a href="#/more"><Icon name="storage" />{days === null ? t.ribbon.storageUsed(percent) : t.ribbon.storage(days)}</a></li>;
}

function Ribbon() {
  const ms = lastLatency.value;
  const live = link.value.is === 'live';
  return (
    <section class="ribbon" aria-label={t.ribbon.label}>
      <ul>
        <AlarmItem />
        <CloudItem />
        {status.value && <li class={clockTrusted.value ? 'wide-only' : 'bad'}><a href="#/more"><Icon name="clock" />{clockTrusted.value ? t.ribbon.clockGood : t.ribbon.clockBad}</a></li>}
        <StorageItem />
        <li class={live ? '' : 'bad'}><a href="#/push" id="stream-state"><Icon name="push" />{live ? (Number.isFinite(ms) ? t.ribbon.stream(ms) : t.ribbon.streamLive) : t.ribbon.streamDown}</a></li>
      </ul>
    </section>
  );
}

function Banner() {
  const state = link.value;
  if (state.is !== 'down') return null;
  const left = Math.max(0, Math.ceil((state.retryIn - (now.value - linkSince.value)) / 1000));
  return (
    <section class="banner" aria-label={t.banner.label}>
      <p>{t.banner.down}{state.why && ` ${t.banner.why(state.why)}`} <span>{left > 0 ? t.banner.again(left) : t.banner.trying}</span></p>
      <button type="button" onClick={retry}>{t.retry}</button>
    </section>
  );
}

// What was just saved, and the way back; it stays while the page changes.
function UndoBar() {
  const one = offer.value;
  if (!one) return null;
  return (
    <section class="note undo" aria-label={t.editor.undo}>
      <p role="status">{one.text}</p>
      {one.problem ? <><ProblemView problem={one.problem} /><button type="button" onClick={dismiss}>{t.close}</button></> : <button type="button" class="primary" onClick={() => void undo()}>{t.editor.undo}</button>}
    </section>
  );
}

export function Voices() {
  return (
    <>
      <div class="sr" role="status" aria-live="polite">{polite.value}</div>
      <div class="sr" role="alert" aria-live="assertive">{assertive.value}</div>
    </>
  );
}

// One heading per page; a new route moves the focus there and names the window.
export function Main({ title, children, wide }: { title: string; children: preact.ComponentChildren; wide?: boolean }) {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${title} · ${status.peek()?.name ?? t.app}`;
    if (first.current && !arrived) arrived = true;
    else if (!main.current?.contains(document.activeElement)) {
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
    first.current = false;
  }, [title]);
  return (
    <main id="main" ref={main} tabIndex={-1} class={wide ? 'wide' : ''}>
      <h1>{title}</h1>
      {children}
    </main>
  );
}
let arrived = false; // the first page leaves the focus where the browser put it

export function Shell({ children }: { children: preact.ComponentChildren }) {
  const [palette, openPalette] = useState(false);
  const [help, openHelp] = useState(false);
  useKeys(() => openPalette(true), () => openHelp(true));
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>{t.skip}</a>
      <header class="top">
        <p class="brand"><a href="#/live">{status.value?.name ?? t.app}</a></p>
        <Ribbon />
        <button type="button" class="palette-button" onClick={() => openPalette(true)} aria-keyshortcuts="Control+K"><Icon name="search" /><span class="wide-only">{t.palette.title}</span><span class="sr narrow-only">{t.palette.title}</span></button>
      </header>
      <Menu />
      <div class="middle">
        <Banner />
        <UndoBar />
        {missed.value && <section class="note gap-note" aria-label={t.banner.label}><p>{missed.value}</p><button type="button" onClick={() => (missed.value = '')}>{t.close}</button></section>}
        {children}
      </div>
      {palette && <Palette onClose={() => openPalette(false)} />}
      {help && <KeysDialog onClose={() => openHelp(false)} />}
    </>
  );
}
