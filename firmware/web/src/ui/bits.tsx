import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../api/client';
import type { Presence } from '../lib/format';
import { t } from '../text/en';

const ICONS: Record<string, string> = {
  live: 'M3 12h4l3-8 4 16 3-8h4',
  devices: 'M4 5h16v10H4zM9 19h6M12 15v4',
  rules: 'M4 6h10M4 12h16M4 18h7M17 4v4M14 16v4',
  alarms: 'M6 17V11a6 6 0 0 1 12 0v6l2 2H4zM10 21h4',
  cloud: 'M7 18a4 4 0 0 1 0-8 6 6 0 0 1 11.5 1.5A3.3 3.3 0 0 1 18 18z',
  push: 'M5 12h10M11 7l5 5-5 5M20 5v14',
  simulator: 'M9 3h6M10 3v6L5 19a1.5 1.5 0 0 0 1.4 2h11.2A1.5 1.5 0 0 0 19 19l-5-10V3',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  clock: 'M12 7v5l3 3M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18z',
  storage: 'M4 7c0-2 16-2 16 0v10c0 2-16 2-16 0zM4 7c0 2 16 2 16 0M4 12c0 2 16 2 16 0',
  search: 'M11 18a7 7 0 1 1 0-14 7 7 0 0 1 0 14zM16 16l5 5',
  back: 'M15 5l-7 7 7 7',
};

export function Icon({ name }: { name: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
      <path d={ICONS[name] ?? ''} fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

const SHAPES: Record<string, string> = { critical: 'M8 1l7 7-7 7-7-7z', high: 'M8 2l7 12H1z', medium: 'M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2z', low: 'M2 6h12v4H2z' };

// Colour, shape and word.
export function Severity({ level, word = true }: { level: string; word?: boolean }) {
  return (
    <span class={`severity ${level in SHAPES ? level : 'low'}`}>
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false"><path d={SHAPES[level] ?? SHAPES.low} fill="currentColor" /></svg>
      {word && (t.severity[level] ?? level)}
    </span>
  );
}

const MARKS: Record<Presence, string> = { online: 'M3 8l4 4 7-8', stale: 'M8 4v5l3 2', silent: 'M4 4l8 8M12 4l-8 8', degraded: 'M8 3v6M8 12v1', unknown: 'M4 8h8' };
export function StatePill({ state, reason }: { state: Presence; reason?: string }) {
  return (
    <span class={`pill ${state}`} title={reason}>
      <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false"><path d={MARKS[state]} fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" /></svg>
      {t.presence[state]}
    </span>
  );
}

export function ProblemView({ problem, retry }: { problem: Problem; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <p class="problem-title">{problem.title}</p>
      {problem.detail && problem.detail !== problem.title && <p>{sentence(problem.detail)}</p>}
      {problem.hint && <p>{sentence(problem.hint)}</p>}
      {problem.retryAfter > 0 && <p>{t.problem.wait(problem.retryAfter)}</p>}
      {problem.errors.length > 0 && <ul>{problem.errors.slice(0, 20).map((one) => <li key={one.pointer + one.detail}>{one.pointer && <code>{one.pointer}</code>} {one.detail}{one.hint ? ` (${one.hint})` : ''}</li>)}</ul>}
      {problem.reference && <p class="quiet">{t.problem.reference}: <code class="select">{problem.reference}</code></p>}
      {retry && <p><button type="button" onClick={retry}>{t.retry}</button></p>}
    </div>
  );
}

export const sentence = (text: string): string => (text ? text[0]!.toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.') : '');

// What this firmware lacks is said in words, not as a fault.
export function Trouble({ problem, retry, what }: { problem: Problem; retry?: () => void; what?: string }) {
  if (problem.missing) return <p class="note">{what ? `${what}: ` : ''}{t.problem.notHere}. {t.problem.notHereHint}</p>;
  return <ProblemView problem={problem} retry={retry} />;
}

// The clipboard needs a secure context; without one the text is selected for Ctrl+C.
export function CopyBlock({ text, label }: { text: string; label: string }) {
  const block = useRef<HTMLPreElement>(null);
  const [said, say] = useState('');
  const copy = async () => {
    try {
      if (!navigator.clipboard) throw new Error('insecure context');
      await navigator.clipboard.writeText(text);
      say(t.copied);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(block.current!);
      const selection = getSelection();
      selection?.removeAllRanges();
      selection?.addRange(range);
      say(t.selectIt);
    }
  };
  return (
    <div class="copy">
      <pre ref={block} tabIndex={0} role="region" aria-label={label}>{text}</pre>
      <button type="button" onClick={copy} aria-label={`${t.copy}: ${label}`}>{t.copy}</button>
      <span role="status" class="quiet">{said}</span>
    </div>
  );
}

interface FieldProps {
  id: string;
  label: string;
  hint?: string;
  fault?: string | undefined;
  children: (describe: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: 'true' }) => ComponentChildren;
}
export function Field({ id, label, hint, fault, children }: FieldProps) {
  const described = [hint ? `${id}-hint` : '', fault ? `${id}-fault` : ''].filter(Boolean).join(' ');
  return (
    <div class={`field${fault ? ' faulty' : ''}`}>
      <label for={id}>{label}</label>
      {children({ id, ...(described ? { 'aria-describedby': described } : {}), ...(fault ? { 'aria-invalid': 'true' as const } : {}) })}
      {hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
      {fault && <p class="fault" id={`${id}-fault`}>{fault}</p>}
    </div>
  );
}

export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return <div class="scroll" tabIndex={0} role="region" aria-label={label}>{children}</div>;
}

export function Check({ id, label, checked, onChange, disabled }: { id: string; label: string; checked: boolean; onChange: (on: boolean) => void; disabled?: boolean }) {
  return (
    <label class="check" for={id}>
      <input id={id} type="checkbox" checked={checked} disabled={disabled} onChange={(event) => onChange(event.currentTarget.checked)} /> {label}
    </label>
  );
}

export function Choice({ id, label, value, options, onChange, disabled }: { id: string; label: string; value: string; options: [string, string][]; onChange: (value: string) => void; disabled?: boolean }) {
  return (
    <div class="field inline">
      <label for={id}>{label}</label>
      <select id={id} value={value} disabled={disabled} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([key, text]) => <option key={key} value={key} selected={key === value}>{text}</option>)}
      </select>
    </div>
  );
}

export function Dialog({ title, onClose, children, wide }: { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const back = document.activeElement as HTMLElement | null;
    box.current?.showModal();
    return () => back?.focus?.();
  }, []);
  const id = `d-${title.replace(/\W+/g, '-').toLowerCase()}`;
  const outside = (event: MouseEvent) => event.target === box.current && onClose();
  return (
    <dialog ref={box} class={wide ? 'wide' : ''} aria-labelledby={id} onCancel={(event) => { event.preventDefault(); onClose(); }} onClick={outside}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

export function Facts({ rows }: { rows: [string, ComponentChildren][] }) {
  return <dl class="facts">{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}

// Filter fields share one look and the key "/".
export function Filter({ value, onInput, hint }: { value: string; onInput: (text: string) => void; hint?: string }) {
  return (
    <div class="field inline filter">
      <label for="filter">{t.search}</label>
      <input id="filter" type="search" value={value} placeholder={hint} autocomplete="off" spellcheck={false} onInput={(event) => onInput(event.currentTarget.value)} />
    </div>
  );
}
