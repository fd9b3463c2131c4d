import './style.css';
import type { ComponentType } from 'preact';
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { route, startRouter } from './lib/router';
import { enter, phase, showing, startClocks, streamDown } from './lib/store';
import { showTheme } from './lib/theme';
import { t } from './text/en';
import { Claim, Login, Plain, takeClaimCode, Unreachable, Welcome } from './pages/first';
import { Live } from './pages/live';
import { ProblemView } from './ui/bits';
import { Main, Shell, Voices } from './ui/shell';
import { Problem } from './api/client';

type Named = Record<string, unknown>;

const later: (() => Promise<Named>)[] = [];

// A page that is not the first one comes when it is opened, or before, when nothing else is to do: the gateway may
// be away by then.
function lazy<P extends object>(load: () => Promise<Named>, name: string): ComponentType<P> {
  let found: ComponentType<P> | null = null;
  later.push(load);
  return function Lazy(props: P) {
    const [ready, setReady] = useState(found !== null);
    const [missing, setMissing] = useState(false);
    const fetchIt = () => load().then((m) => { found = m[name] as ComponentType<P>; setReady(true); setMissing(false); }, () => setMissing(true));
    useEffect(() => {
      if (!found) void fetchIt();
    }, []);
    useEffect(() => {
      if (missing && !streamDown.value) void fetchIt();
    }, [streamDown.value]);
    const Found = found;
    if (ready && Found) return <Found {...props} />;
    return missing ? <Main title={t.problem.unreachable}><ProblemView problem={new Problem(0, t.problem.unreachable, t.problem.unreachableDetail, t.problem.unreachableHint)} retry={() => void fetchIt()} /></Main> : null;
  };
}

const IDLE = 3e3;
function fetchLater(): void {
  setTimeout(() => later.forEach((load) => void load().catch(() => {})), IDLE);
}

const Devices = lazy(() => import('./pages/devices'), 'Devices');
const DevicePage = lazy<{ id: string }>(() => import('./pages/device'), 'DevicePage');
const Rules = lazy(() => import('./pages/rules'), 'Rules');
const RulePage = lazy<{ id: string }>(() => import('./pages/editor'), 'RulePage');
const Alarms = lazy(() => import('./pages/alarms'), 'Alarms');
const Cloud = lazy(() => import('./pages/cloud'), 'Cloud');
const Push = lazy(() => import('./pages/push'), 'Push');
const SimulatorPage = lazy(() => import('./pages/simulator'), 'SimulatorPage');
const More = lazy(() => import('./pages/more'), 'More');

function Routed() {
  const [page = 'live', id] = route.value.path;
  useEffect(() => {
    if (page !== 'live' && page !== 'devices' && page !== 'push') showing([]);
  }, [page]);
  switch (page) {
    case 'live': return <Live />;
    case 'devices': return id ? <DevicePage key={id} id={id} /> : <Devices />;
    case 'rules': return id ? <RulePage key={id} id={id} /> : <Rules />;
    case 'alarms': return <Alarms />;
    case 'cloud': return <Cloud />;
    case 'push': return <Push />;
    case 'simulator': return <SimulatorPage />;
    case 'more': return <More />;
    case 'welcome': return <Welcome />;
    default: return <Main title={t.notFound.title}><p>{t.notFound.text}</p></Main>;
  }
}

function Page() {
  const now = phase.value;
  useEffect(() => {
    if (now === 'in') fetchLater();
  }, [now]);
  if (now === 'starting') return null;
  if (now === 'in') return <Shell><Routed /></Shell>;
  return <Plain>{now === 'claim' ? <Claim /> : now === 'login' ? <Login /> : <Unreachable />}</Plain>;
}

takeClaimCode();
showTheme();
startRouter();
startClocks();
render(<><Page /><Voices /></>, document.getElementById('app')!);
void enter();
