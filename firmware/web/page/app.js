// The plain page: live values with their age, alarms, uplinks. One EventSource carries it all.
const $ = (id) => document.getElementById(id);
const api = async (method, path, body) => {
  const answer = await fetch(path, {
    method,
    headers: { 'X-Fogline': '1', ...(body ? { 'Content-Type': 'application/json' } : {}) },
    body: body ? JSON.stringify(body) : undefined,
  });
  const text = await answer.text();
  const data = text ? JSON.parse(text) : {};
  if (answer.ok) return data;
  const error = new Error([data.detail || data.title || answer.statusText, data.hint].filter(Boolean).join(': '));
  error.status = answer.status;
  throw error;
};

const values = new Map(); // "dev/pt" -> {row cells, arrived (page clock), interval}
const alarms = new Map();

const cell = (row, text, kind) => {
  const td = document.createElement('td');
  td.textContent = text;
  if (kind) td.className = kind;
  row.append(td);
  return td;
};

const shown = (v) => (v === null ? 'no value' : typeof v === 'number' ? String(Math.round(v * 1e4) / 1e4) : String(v));
const units = { Cel: '°C', '%': '%', 'kW.h': 'kWh', 'm/s2': 'm/s²' };

function showSample(d, ageMs) {
  const key = `${d.dev}/${d.pt}`;
  let one = values.get(key);
  if (!one) {
    const row = document.createElement('tr');
    one = { key, row, device: cell(row, d.dev), point: cell(row, d.pt), value: cell(row, '', 'number'),
      quality: cell(row, ''), age: cell(row, '', 'number'), gap: 0 };
    values.set(key, one);
    const body = $('values').tBodies[0];
    const next = [...body.rows].find((other) => other.dataset.key > key);
    row.dataset.key = key;
    body.insertBefore(row, next || null);
    $('values').hidden = false;
    $('no-values').hidden = true;
  }
  const now = performance.now() - ageMs;
  if (one.arrived && now > one.arrived) one.gap = one.gap ? one.gap * 0.8 + (now - one.arrived) * 0.2 : now - one.arrived;
  one.arrived = now;
  one.value.textContent = `${shown(d.v)}${d.u ? ` ${units[d.u] || d.u}` : ''}`;
  one.quality.textContent = d.q;
}

const ageText = (ms) => (ms < 1500 ? 'now' : ms < 90e3 ? `${Math.round(ms / 1e3)} s` : ms < 5.4e6 ? `${Math.round(ms / 6e4)} min` : `${Math.round(ms / 3.6e6)} h`);

function showAges() {
  const now = performance.now();
  for (const one of values.values()) {
    const age = now - one.arrived;
    one.age.textContent = ageText(age);
    one.row.className = age > Math.max(5e3, (one.gap || 3e4) * 3) ? 'stale' : '';
  }
}

function alarmLine(a) {
  const item = document.createElement('li');
  item.className = a.state.startsWith('returned') ? 'returned' : '';
  const name = document.createElement('strong');
  name.textContent = `${a.severity || ''} ${a.alarm}`.trim();
  item.append(name, ` ${a.text || ''} (${a.state}) `);
  if (a.state.endsWith('unack')) {
    const button = document.createElement('button');
    button.textContent = 'Acknowledge';
    button.dataset.alarm = a.alarm;
    button.setAttribute('aria-label', `Acknowledge ${a.alarm}`);
    button.onclick = () => api('POST', `/api/v1/alarms/${encodeURIComponent(a.alarm)}/ack`, { note: '' })
      .catch((error) => { button.textContent = error.message; });
    item.append(button);
  }
  return item;
}

function showAlarm(d) {
  if (d.state === 'normal' || d.state === 'closed') alarms.delete(d.alarm);
  else alarms.set(d.alarm, d);
  // The lines are made anew; who was about to press a button must not lose it.
  const held = document.activeElement?.dataset.alarm;
  const list = $('alarms');
  list.replaceChildren();
  for (const a of [...alarms.values()].sort((x, y) => x.alarm.localeCompare(y.alarm))) list.append(alarmLine(a));
  if (held) ([...list.querySelectorAll('button')].find((button) => button.dataset.alarm === held) || list).focus();
  $('no-alarms').hidden = alarms.size > 0;
}

async function showUplinks() {
  const { items } = await api('GET', '/api/v1/uplinks');
  const body = $('uplinks').tBodies[0];
  const rows = [];
  for (const uplink of items) {
    const ledger = await api('GET', `/api/v1/uplinks/${encodeURIComponent(uplink.id)}/ledger`);
    const row = document.createElement('tr');
    cell(row, uplink.id);
    cell(row, uplink.words && uplink.words !== uplink.state ? `${uplink.state}: ${uplink.words}` : uplink.state);
    cell(row, `${uplink.waiting}`, 'number');
    cell(row, `${ledger.sum.acknowledged} of ${ledger.sum.accepted}`, 'number');
    cell(row, `${ledger.sum.shed + ledger.sum.expired}`, 'number');
    rows.push(row);
  }
  body.replaceChildren(...rows);
  $('uplinks').hidden = rows.length === 0;
  $('no-uplinks').hidden = rows.length > 0;
}

function state(text, kind) {
  $('stream').textContent = text;
  $('stream').className = `badge ${kind}`;
}

let clock = 0; // gateway's wall clock minus ours, ms
function follow() {
  const source = new EventSource('/api/v1/stream?channel=samples/%23&channel=alarms/%23&min_interval=200ms&tick_form=event');
  const on = (kind, handle) => source.addEventListener(kind, (event) => handle(JSON.parse(event.data)));
  const age = (d) => Math.max(0, Date.now() + clock - Date.parse(d.rx || d.ts));
  source.onopen = () => state('live', 'up');
  source.onerror = () => state(source.readyState === EventSource.CLOSED ? 'stream refused: reload the page' : 'reconnecting', 'down');
  on('first', (e) => { if (e.clock) clock = Date.parse(e.clock) - Date.now(); });
  on('snapshot', (e) => { for (const d of e.d) d.alarm ? showAlarm(d) : d.pt && showSample(d, age(d)); });
  on('sample', (e) => showSample(e.d, e.d.hist ? age(e.d) : 0));
  on('alarm', (e) => showAlarm(e.d));
}

async function enter(claimed) {
  $('enter').hidden = false;
  $('code-field').hidden = claimed;
  $('enter-title').textContent = claimed ? 'Sign in' : 'Claim this gateway';
  $('enter-text').textContent = claimed ? 'Enter the passphrase of this gateway.'
    : 'It has no owner yet. Enter the code that "fogctl claim show" prints and choose a passphrase of at least 12 characters.';
  state('not signed in', '');
  $('enter-form').onsubmit = async (event) => {
    event.preventDefault();
    const passphrase = $('passphrase').value;
    try {
      if (claimed) await api('POST', '/api/v1/session', { passphrase });
      else await api('POST', '/api/v1/claim', { code: $('code').value, passphrase });
      $('enter').hidden = true;
      await start();
    } catch (error) {
      $('enter-error').textContent = error.message;
    }
  };
}

async function start() {
  const { claimed } = await api('GET', '/api/v1/claim');
  if (!claimed) return enter(false);
  try {
    const status = await api('GET', '/api/v1/status');
    $('name').textContent = `${status.name} (${status.gw})`;
  } catch (error) {
    if (error.status === 401) return enter(true);
    throw error;
  }
  $('live').hidden = false;
  follow();
  setInterval(showAges, 500);
  const poll = () => showUplinks().catch(() => {}).finally(() => setTimeout(poll, 2000));
  poll();
}

start().catch((error) => state(error.message, 'down'));
