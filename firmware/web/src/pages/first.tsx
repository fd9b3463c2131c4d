import { useState } from 'preact/hooks';
import { post, problemOf, type Problem } from '../api/client';
import { useLoad } from '../lib/load';
import { go } from '../lib/router';
import { enter, loadStatus, session, startProblem, status } from '../lib/store';
import { t } from '../text/en';
import { CopyBlock, Field, Icon, ProblemView } from '../ui/bits';
import { Main } from '../ui/shell';
import { GatewayForm } from '../ui/gateway-form';

const SHORTEST = 12;

function strength(text: string): string {
  if (text === '') return t.first.strength.empty;
  if (text.length < SHORTEST) return t.first.strength.short(SHORTEST - text.length);
  const kinds = new Set([...text.toLowerCase()]).size;
  if (text.length >= 24 && kinds >= 10) return t.first.strength.excellent;
  if (text.length >= 16 && kinds >= 8) return t.first.strength.good;
  return t.first.strength.plain;
}

function useBusy(work: () => Promise<void>): { busy: boolean; problem: Problem | null; submit: (event: Event) => void } {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    setBusy(true);
    work().then(() => setProblem(null), (error: unknown) => setProblem(problemOf(error))).finally(() => setBusy(false));
  };
  return { busy, problem, submit };
}

// The code may come in the fragment: read once, then gone from the address and the history.
export function takeClaimCode(): void {
  const found = /^#claim=([A-Za-z0-9-]{4,32})$/.exec(location.hash);
  if (!found) return;
  code = found[1]!;
  history.replaceState(null, '', location.pathname);
}
let code = '';

export function Claim() {
  const [typed, setTyped] = useState(code);
  const [passphrase, setPassphrase] = useState('');
  const [shown, show] = useState(false);
  const { busy, problem, submit } = useBusy(async () => {
    await post('claim', { code: typed.trim(), passphrase });
    code = '';
    go(['welcome']);
    await enter();
  });
  return (
    <Main title={t.first.title}>
      <div class="narrow">
        <p>{t.first.step(1, 2)}. {t.first.text}</p>
        <CopyBlock label={t.first.command} text={t.first.command} />
        <form onSubmit={submit}>
          <Field id="code" label={t.first.code}>{(d) => <input {...d} type="text" class="code" autocomplete="off" autocapitalize="characters" spellcheck={false} required value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />}</Field>
          <Field id="passphrase" label={t.first.passphrase} hint={t.first.passphraseHint}>{(d) => <input {...d} type={(shown ? 'text' : 'password') as 'password'} autocomplete="new-password" required minLength={SHORTEST} value={passphrase} onInput={(event) => setPassphrase(event.currentTarget.value)} />}</Field>
          <p class="quiet" role="status">{strength(passphrase)}</p>
          <label class="check" for="shown"><input id="shown" type="checkbox" checked={shown} onChange={(event) => show(event.currentTarget.checked)} /> {t.first.show}</label>
          {problem && <ProblemView problem={problem} />}
          <p class="actions"><button type="submit" class="primary" disabled={busy}>{t.first.claim}</button></p>
        </form>
      </div>
    </Main>
  );
}

export function Welcome() {
  const { data } = useLoad(async () => { await loadStatus(); return status.peek(); }, 'status', 1000);
  return (
    <Main title={t.first.nameTitle}>
      <p>{t.first.step(2, 2)}. {t.first.nameText}</p>
      <GatewayForm />
      <section aria-labelledby="arriving">
        <h2 id="arriving">{t.first.arriving}</h2>
        {data && <p class="big" role="status">{t.first.heard(data.devices, data.points)}</p>}
        {data && data.links.length > 0 && <ul class="rows">{data.links.slice(0, 50).map((one) => <li key={one.id}><code>{one.id}</code> <span class={`pill ${one.up ? 'online' : 'silent'}`}>{one.up ? t.first.linkUp : t.first.linkDown}</span> <span class="quiet">{one.words}</span></li>)}</ul>}
        <p>{t.first.simulate}</p>
        <CopyBlock label={t.first.simulateCommand} text={t.first.simulateCommand} />
      </section>
      <p class="actions"><a class="button primary" href="#/live">{t.first.finish}</a></p>
    </Main>
  );
}

export function Login() {
  const [passphrase, setPassphrase] = useState('');
  const ended = session.value !== null;
  const { busy, problem, submit } = useBusy(async () => {
    await post('session', { passphrase });
    await enter();
  });
  return (
    <Main title={t.login.title}>
      <form class="narrow" onSubmit={submit}>
        <p>{ended ? t.login.ended : t.login.text}</p>
        <input type="text" name="username" value="admin" autocomplete="username" hidden readOnly />
        <Field id="passphrase" label={t.login.passphrase}>{(d) => <input {...d} type="password" autocomplete="current-password" required value={passphrase} onInput={(event) => setPassphrase(event.currentTarget.value)} />}</Field>
        {problem && <ProblemView problem={problem} />}
        <p class="actions"><button type="submit" class="primary" disabled={busy}>{t.login.button}</button></p>
      </form>
    </Main>
  );
}

export function Unreachable() {
  return <Main title={t.unreachable.title}>{startProblem.value && <ProblemView problem={startProblem.value} retry={() => void enter()} />}</Main>;
}

// Before the claim and without a session there is no menu: nothing in it would answer.
export function Plain({ children }: { children: preact.ComponentChildren }) {
  return <><header class="top"><p class="brand"><Icon name="push" />{t.app}</p></header><div class="middle plain">{children}</div></>;
}
