import { useEffect } from 'preact/hooks';
import { call } from '../api/client';
import { spanText } from '../lib/format';
import { routeHash } from '../lib/router';
import { loadSimulator, simulated } from '../lib/sim';
import { enter, session, status } from '../lib/store';
import { letterKeys, setLetterKeys, setTheme, theme, type Theme } from '../lib/theme';
import { t } from '../text/en';
import { Check, Choice, Facts } from '../ui/bits';
import { GatewayForm } from '../ui/gateway-form';
import { Main } from '../ui/shell';

export function More() {
  useEffect(() => void loadSimulator().catch(() => {}), []);
  const signOut = () => call('DELETE', 'session').catch(() => {}).then(() => { session.value = null; return enter(); });
  const now = status.value;
  return (
    <Main title={t.moreMenu.title}>
      <nav aria-label={t.moreMenu.pages} class="narrow-only">
        <ul class="rows"><li><a href={routeHash(['push'])}>{t.nav.push}</a></li>{simulated.value && <li><a href={routeHash(['simulator'])}>{t.nav.simulator}</a></li>}</ul>
      </nav>
      <section aria-labelledby="look">
        <h2 id="look">{t.moreMenu.look}</h2>
        <Choice id="theme" label={t.moreMenu.theme} value={theme.value} options={Object.entries(t.moreMenu.themes)} onChange={(value) => setTheme(value as Theme)} />
        <Check id="keys" label={t.moreMenu.keysOn} checked={letterKeys.value} onChange={setLetterKeys} />
      </section>
      <section aria-labelledby="gateway"><h2 id="gateway">{t.moreMenu.gateway}</h2><GatewayForm /></section>
      <section aria-labelledby="about">
        <h2 id="about">{t.moreMenu.about}</h2>
        {now && <Facts rows={[[t.moreMenu.version, now.version], [t.moreMenu.id, now.gw], [t.moreMenu.uptime, spanText(now.uptime_s * 1e3)]]} />}
        <p class="quiet">{t.moreMenu.licences}</p>
        <p class="actions"><a class="button" href={routeHash(['welcome'])}>{t.moreMenu.wizard}</a><button type="button" onClick={() => void signOut()}>{t.moreMenu.signOut}</button></p>
      </section>
    </Main>
  );
}
