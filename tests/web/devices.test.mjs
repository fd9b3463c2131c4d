// Newcomers, who is missing, who is ignored, and the list as a file.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { axeFindings, launch, overflow, Watched } from './browser.mjs';
import { Gateway, until } from './gateway.mjs';

let box;
let browser;
let watched;
let page;
let token;

const tray = () => page.getByRole('region', { name: 'New' });
const waits = (id) => tray().locator(`[data-device="${id}"]`);
const row = (id) => page.locator(`tbody tr[data-device="${id}"]`);
const api = (path) => fetch(`${box.url}/api/v1/${path}`, { headers: { Authorization: `Bearer ${token}` } }).then((a) => a.json());
const saved = async (button) => {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button }).click()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
};

before(async () => {
  box = await Gateway.start({ name: 'Newcomers', uplink: true, more: '[limits]\nnew_devices_per_minute = 6\n' });
  box.claim();
  token = box.token('read:live', 'read:history');
  await box.ready(token);
  browser = await launch();
  watched = new Watched(browser, box);
  page = await watched.signedIn({ acceptDownloads: true });
  await page.goto(`${box.url}/#/devices`);
});
after(async () => {
  await browser?.close();
  await box?.stop();
});

test('devices: the policy is shown and switched; a device heard then waits in the tray within a second', async () => {
  await row('probe').waitFor(); // let in by itself
  await tray().getByText('No device waits').waitFor();
  await tray().getByText('New devices: let in').click();
  await tray().getByLabel('All others').selectOption('ask');
  await tray().getByText('all others wait for you').waitFor();
  const from = Date.now();
  box.publish('tele/cold1/SENSOR', '{"DS18B20":{"Temperature":20.6}}');
  await waits('tele-cold1').or(waits('cold1')).first().waitFor();
  console.log(`# published -> in the tray: ${Date.now() - from} ms, mosquitto_pub's start included`);
  await tray().getByText('20.6 °C').waitFor();
  box.publish('tele/cold1/SENSOR', '{"DS18B20":{"Temperature":20.7}}');
  await tray().getByText('20.7 °C').waitFor(); // with values already moving
  assert.deepEqual(await axeFindings(page), []);
  await page.setViewportSize({ width: 320, height: 800 });
  assert.equal(await overflow(page), '');
  await page.setViewportSize({ width: 1280, height: 900 });
});

test('devices: what is kept loses none of its values, and goes to the cloud from then on', async () => {
  const [{ id }] = (await api('devices?show=new')).items;
  const before = (await api('uplinks/cloud/ledger')).sum.accepted;
  box.publish('tele/cold1/SENSOR', '{"DS18B20":{"Temperature":20.8}}');
  await tray().getByText('20.8 °C').waitFor();
  const { accepted } = (await api('uplinks/cloud/ledger')).sum;
  assert.equal(accepted, before, 'nothing of it was owed to the cloud');
  await tray().getByRole('button', { name: `Keep ${id}` }).press('Enter');
  await waits(id).waitFor({ state: 'detached' });
  await row(id).waitFor();
  assert.equal(await row(id).locator('.pill.fresh').count(), 0);
  box.publish('tele/cold1/SENSOR', '{"DS18B20":{"Temperature":20.9}}');
  await until('a record for the cloud', async () => (await api('uplinks/cloud/ledger')).sum.accepted > accepted);
  const values = async () => (await api(`series/${id}/ds18b20.temperature?from=${Date.now() - 600e3}&to=${Date.now() + 1000}`)).v;
  await until('the newest value in the log', async () => (await values()).includes(20.9));
  assert.deepEqual(await values(), [20.6, 20.7, 20.8, 20.9]);
});

test('devices: what is ignored stays so over a restart, is listed, and comes back when wanted', async () => {
  box.publish('noise/one', '{"hum":1}');
  await waits('noise-one').waitFor();
  await tray().getByRole('button', { name: 'Ignore noise-one' }).click();
  await waits('noise-one').waitFor({ state: 'detached' });
  await row('noise-one').waitFor({ state: 'detached' });
  await box.halt();
  await box.startDaemon();
  await until('the broker again', async () => {
    box.publish('probe/hello', '2');
    return (await api('devices/probe')).age_ms < 2000;
  });
  box.publish('noise/one', '{"hum":2}');
  box.publish('probe/hello', '3');
  await until('what came behind it', async () => (await api('devices/probe')).points[0].v === 3);
  assert.equal((await api('devices?show=new')).items.length, 0);
  assert.equal((await api('devices')).items.some((one) => one.id === 'noise-one'), false);
  assert.equal((await api('registry')).new.generic, 'ask', 'the policy is remembered too');
  await page.reload();
  await page.getByRole('button', { name: 'Ignored', exact: true }).click();
  await row('noise-one').waitFor();
  assert.match(page.url(), /show=ignored/);
  assert.deepEqual(await axeFindings(page), []);
  await page.getByRole('button', { name: 'Stop ignoring noise-one' }).click();
  await page.getByText('No device is ignored.').waitFor();
  await page.getByRole('button', { name: 'All', exact: true }).click();
  box.publish('noise/one', '{"hum":3}');
  await row('noise-one').waitFor();
});

test('devices: who is expected and silent is missing, since when', async () => {
  for (let i = 0; i < 12; ++i) box.publish('probe/hello', `${i}`);
  await page.getByRole('button', { name: 'Missing', exact: true }).click();
  await until('probe among the missing', async () => {
    await page.reload();
    await page.getByText('No device is missing').or(row('probe')).first().waitFor();
    return row('probe').count();
  });
  await page.getByRole('columnheader', { name: 'Silent since' }).waitFor();
  assert.match(await row('probe').innerText(), /ago/);
  assert.equal(await row('noise-one').count(), 0, 'too few messages to expect it');
});

test('devices: the list as CSV and as JSON is what the filter says, a missing value is empty', async () => {
  const ingest = box.token('ingest');
  const answer = await fetch(`${box.url}/api/v1/ingest/meter`, { method: 'POST', headers: { Authorization: `Bearer ${ingest}`, 'Content-Type': 'application/json' }, body: '{"level": null, "flow": 0, "label": "=1+1, \\"x\\""}' });
  assert.equal(answer.status, 200);
  await page.goto(`${box.url}/#/devices?q=meter`);
  await row('meter').waitFor();
  const csv = await saved('Export CSV');
  assert.equal(csv.name, 'devices.csv');
  const lines = csv.text.trim().split('\r\n');
  assert.match(lines[0], /^id,name,admission,state,reason,/);
  assert.equal(lines.length, 4);
  assert.match(lines.find((one) => one.includes(',level,')), /,level,,,/);
  assert.match(lines.find((one) => one.includes(',flow,')), /,flow,0,/);
  assert.ok(lines.find((one) => one.includes(',label,')).includes(`"'=1+1, ""x"""`), csv.text);
  const json = JSON.parse((await saved('Export JSON')).text);
  assert.deepEqual(json.map((one) => one.id), ['meter']);
  assert.equal(json[0].points.find((one) => one.pt === 'level').v, null);
});

test('devices: what the limits hold back is a row of the tray', async () => {
  for (let i = 0; i < 9; ++i) box.publish(`swarm/${i}`, '{"n":1}');
  await tray().getByText(/readings? from mqtt:devices held back: too many new devices\. Last: /).waitFor();
});

test('devices: no error, no CSP violation, no request to another host', () => watched.settle());
