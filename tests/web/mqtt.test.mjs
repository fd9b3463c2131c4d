// mqtt.js, which knows nothing of Fogline, at the gateway's own listener.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import mqtt from 'mqtt';
import { Gateway, until } from './gateway.mjs';

let box;
let url;
let webUrl;
let password;

before(async () => {
  box = await Gateway.start({ more: '[mqtt.listener]\nport = 0\nbind = ["127.0.0.1"]\n' });
  box.claim();
  password = box.token('read:live', 'ingest');
  const file = join(box.runtime, 'mqtt.port');
  await until('the listener has a port', () => existsSync(file) && readFileSync(file, 'utf8').trim());
  url = `mqtt://127.0.0.1:${readFileSync(file, 'utf8').trim()}`;
  webUrl = `ws://127.0.0.1:${box.port}/mqtt`;
});
after(() => box?.stop());

const options = (protocolVersion, more) => ({ protocolVersion, clean: true, username: 'u', password, reconnectPeriod: 0, connectTimeout: 10e3, ...more });
const open = (protocolVersion, more = {}, to = url) => mqtt.connectAsync(to, options(protocolVersion, more));

function listen(client) {
  const heard = [];
  client.on('message', (topic, payload, packet) => heard.push({ topic, text: `${payload}`, packet }));
  return { heard, until: (what, match) => until(what, () => heard.find(match)) };
}

for (const version of [4, 5]) {
  test(`mqtt.js, protocol ${version}: publish, subscribe, retained, QoS 0 and 1`, async () => {
    const root = `js${version}`;
    const one = await open(version);
    await one.publishAsync(`${root}/kept`, 'old', { qos: 1, retain: true });
    const two = await open(version);
    const ears = listen(two);
    const granted = await two.subscribeAsync([`${root}/#`], { qos: 2 });
    assert.equal(granted[0].qos, 1, 'QoS 2 is granted as 1');
    const kept = await ears.until('the retained message', (m) => m.topic === `${root}/kept`);
    assert.equal(kept.packet.retain, true);
    await one.publishAsync(`${root}/a/b`, 'zero', { qos: 0 });
    await one.publishAsync(`${root}/a/b`, 'one', { qos: 1 });
    await ears.until('QoS 0', (m) => m.text === 'zero');
    const live = await ears.until('QoS 1', (m) => m.text === 'one');
    assert.equal(live.packet.qos, 1);
    assert.equal(live.packet.retain, false);
    await two.unsubscribeAsync(`${root}/#`);
    await Promise.all([one.endAsync(), two.endAsync()]);
  });

  test(`mqtt.js, protocol ${version}: a will, and readings under fogline/v1`, async () => {
    const ears = await open(version);
    const { until: heard } = listen(ears);
    await ears.subscribeAsync([`fogline/v1/js-dev${version}/#`, `gone${version}`], { qos: 1 });
    const dying = await open(version, { will: { topic: `gone${version}`, payload: Buffer.from('bye'), qos: 1, retain: false } });
    await dying.publishAsync(`js-dev${version}/telemetry`, '{"temp":21.5}', { qos: 1 });
    const reading = await heard('the reading', (m) => m.topic === `fogline/v1/js-dev${version}/temp`);
    assert.equal(JSON.parse(reading.text).v, 21.5);
    dying.stream.destroy();
    await heard('the will', (m) => m.topic === `gone${version}` && m.text === 'bye');
    await ears.endAsync();
  });
}

test('mqtt.js 5.0: properties go through, aliases and request/response work, refusals have their code', async () => {
  const one = await open(5, { autoUseTopicAlias: true, autoAssignTopicAlias: true });
  const two = await open(5);
  const ears = listen(two);
  await two.subscribeAsync('req/#', { qos: 1, properties: { subscriptionIdentifier: 7 } });
  const properties = { contentType: 'text/plain', responseTopic: 'answer/1', correlationData: Buffer.from([1, 2]),
    messageExpiryInterval: 60, payloadFormatIndicator: true, userProperties: { a: ['1', '2'], b: '3' } };
  await one.publishAsync('req/x', 'hello', { qos: 1, properties });
  const { packet } = await ears.until('the request', (m) => m.topic === 'req/x');
  assert.equal(packet.properties.contentType, 'text/plain');
  assert.equal(packet.properties.responseTopic, 'answer/1');
  assert.deepEqual([...packet.properties.correlationData], [1, 2]);
  assert.equal(packet.properties.subscriptionIdentifier, 7);
  assert.ok(packet.properties.messageExpiryInterval > 50 && packet.properties.messageExpiryInterval <= 60);
  assert.deepEqual(packet.properties.userProperties.a, ['1', '2']);
  await one.publishAsync('req/x', 'again', { qos: 1 });
  await ears.until('the aliased one', (m) => m.text === 'again' && m.topic === 'req/x');
  await assert.rejects(one.publishAsync('fogline/v1/x/y', '1', { qos: 1 }), (error) => error.code === 0x87);
  await Promise.all([one.endAsync(), two.endAsync()]);
});

test('mqtt.js: without a password, or with a wrong one, there is no connection', async () => {
  await assert.rejects(open(5, { password: 'fgl_wrong' }), (error) => error.code === 0x86);
});

for (const version of [4, 5])
  test(`mqtt.js ${version}: what came while it was away is there when it comes back`, async () => {
    const lasting = { clean: false, clientId: `lasting${version}`, ...(version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}) };
    const first = await open(version, lasting);
    await first.subscribeAsync(`away${version}/#`, { qos: 1 });
    await first.endAsync();
    const other = await open(version);
    for (const value of [1, 2, 3]) await other.publishAsync(`away${version}/t`, `${value}`, { qos: 1 });
    const again = mqtt.connect(url, options(version, lasting));
    const ears = listen(again); // before the first message can come
    for (const value of [1, 2, 3]) await ears.until(`value ${value}`, (m) => m.topic === `away${version}/t` && m.text === `${value}`);
    await Promise.all([again.endAsync(), other.endAsync()]);
  });

for (const version of [4, 5])
  test(`mqtt.js ${version} over WebSocket: messages of all sizes both ways, a will, a refusal`, async () => {
    const root = `ws${version}`;
    const one = await open(version, {}, webUrl);
    const two = await open(version);
    const ears = [listen(one), listen(two)];
    await one.subscribeAsync(`${root}/#`, { qos: 1 });
    await two.subscribeAsync(`${root}/#`, { qos: 1 });
    const texts = [1, 125, 126, 60e3].map((size) => 'x'.repeat(size));
    for (const text of texts) await one.publishAsync(`${root}/a`, text, { qos: 1 });
    for (const text of texts) for (const ear of ears) await ear.until(`${text.length} bytes`, (m) => m.text === text);
    const dying = await open(version, { will: { topic: `${root}/gone`, payload: Buffer.from('bye'), qos: 1, retain: false } }, webUrl);
    dying.stream.destroy();
    for (const ear of ears) await ear.until('the will', (m) => m.text === 'bye');
    await assert.rejects(open(version, { password: 'fgl_wrong' }, webUrl));
    await Promise.all([one.endAsync(), two.endAsync()]);
  });
