// Clients from npm and curl, which know nothing of Fogline, on a stream of the real daemon.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { EventSource } from 'eventsource';
import WebSocket from 'ws';
import { findProgram, Gateway, until } from './gateway.mjs';

const tasmota = (degrees) => `{"Time":"2026-11-21T10:13:52","DS18B20":{"Temperature":${degrees}},"TempUnit":"C"}`;
let box;
let token;

before(async () => {
  box = await Gateway.start();
  box.claim();
  token = box.token('read:live', 'read:history');
  await box.ready(token);
});
after(() => box?.stop());

class Client {
  static async open() {
    const one = new Client();
    one.heard = [];
    one.socket = new WebSocket(`${box.url.replace('http', 'ws')}/api/v1/stream`, 'fogline.v1.json',
      { headers: { Authorization: `Bearer ${token}` } });
    one.socket.on('message', (data) => one.heard.push(JSON.parse(data)));
    one.socket.on('close', (code, reason) => { one.closed = { code, reason: `${reason}` }; });
    await once(one.socket, 'open');
    return one;
  }
  send(message) { this.socket.send(typeof message === 'string' ? message : JSON.stringify(message)); }
  until(what, match) { return until(what, () => this.heard.find(match)); }
  reply(id) { return this.until(`a reply to ${id}`, (m) => m.ev === 'reply' && m.re === id); }
  close() { this.socket.terminate(); }
}

test('ws: snapshot of what was there, then a reading nobody configured, live', async () => {
  box.publish('tele/cold1/SENSOR', tasmota(20.6));
  const client = await Client.open();
  client.send({ op: 'subscribe', id: 's', sub: 'a', channel: ['samples/#'] });
  assert.equal((await client.reply('s')).ok, true);
  const snapshot = await client.until('a snapshot', (m) => m.ev === 'snapshot');
  assert.ok(snapshot.d.some((d) => d.dev === 'probe' && d.pt === 'hello'), JSON.stringify(snapshot));
  box.publish('tele/cold1/SENSOR', tasmota(21.7));
  const { d, ch, pos } = await client.until('the live sample', (m) => m.ev === 'sample' && m.d.v === 21.7);
  assert.equal(d.dev, 'cold1');
  assert.equal(d.pt, 'ds18b20.temperature');
  assert.equal(d.u, 'Cel');
  assert.equal(d.q, 'good');
  assert.match(ch, /^samples\/cold1\//);
  assert.ok(pos, 'a sample carries its position');
  client.close();
});

test('ws: subscribe, unsubscribe and ping; what was unsubscribed no longer comes', async () => {
  const client = await Client.open();
  client.send({ op: 'ping', id: 7 });
  const pong = await client.reply(7);
  assert.equal(pong.ok, true);
  assert.ok('clock' in pong.d && 'pos' in pong.d);
  client.send({ op: 'subscribe', id: 1, sub: 'cold', channel: ['samples/cold1/#'] });
  client.send({ op: 'subscribe', id: 2, sub: 'mark', channel: ['samples/probe/#'] });
  assert.equal((await client.reply(1)).ok, true);
  assert.equal((await client.reply(2)).ok, true);
  box.publish('tele/cold1/SENSOR', tasmota(1.5));
  await client.until('the first sample', (m) => m.ev === 'sample' && m.d.v === 1.5);
  client.send({ op: 'unsubscribe', id: 3, sub: 'cold' });
  assert.equal((await client.reply(3)).ok, true);
  box.publish('tele/cold1/SENSOR', tasmota(2.5));
  box.publish('probe/hello', '4711');
  await client.until('the sample behind it', (m) => m.ev === 'sample' && m.d.v === 4711);
  assert.equal(client.heard.some((m) => m.ev === 'sample' && m.d.v === 2.5), false);
  client.send({ op: 'unsubscribe', id: 4, sub: 'cold' });
  assert.equal((await client.reply(4)).problem.status, 404);
  client.close();
});

test('ws: malformed messages get a reply that says why; the connection stays', async () => {
  const client = await Client.open();
  const bad = ['{', '', '[1]', '"text"', '{"op":"ping","id":1}}', '['.repeat(60) + ']'.repeat(60)];
  for (const [i, text] of bad.entries()) {
    client.send(text);
    await until(`reply to ${text}`, () => client.heard.length === i + 1);
    const { ev, re, ok, problem } = client.heard[i];
    assert.deepEqual([ev, re, ok, problem.status], ['reply', null, false, 400], text);
    assert.ok(problem.title, text);
  }
  const refused = async (message) => {
    client.send(message);
    const answer = await client.reply(message.id);
    assert.equal(answer.ok, false, JSON.stringify(message));
    return answer.problem;
  };
  assert.match((await refused({ op: 'subscrib', id: 'typo' })).hint, /subscribe/);
  assert.ok((await refused({ id: 'no op' })).title);
  assert.ok((await refused({ op: 'subscribe', id: 'none' })).title);
  assert.ok((await refused({ op: 'subscribe', id: 'type', channel: 5 })).title);
  assert.ok((await refused({ op: 'subscribe', id: 'pattern', channel: ['samples/#/x'] })).title);
  assert.match(JSON.stringify(await refused({ op: 'subscribe', id: 'name', channel: ['samples/#'], chanel: 1 })), /chanel/);
  client.send({ op: 'ping', id: 'alive' });
  assert.equal((await client.reply('alive')).ok, true);
  client.close();
});

test('ws: what breaks the protocol closes that client only', async () => {
  const cases = [
    [1003, (socket) => socket.send(Buffer.from([1, 2, 3]))],
    [1007, (socket) => socket.send(Buffer.from([0x22, 0xc3, 0x28, 0x22]), { binary: false })],
    [1009, (socket) => socket.send(`"${'x'.repeat(2 << 20)}"`)],
  ];
  const witness = await Client.open();
  for (const [code, harm] of cases) {
    const client = await Client.open();
    client.socket.on('error', () => {});
    harm(client.socket);
    const closed = await until(`a close with ${code}`, () => client.closed);
    assert.equal(closed.code, code);
  }
  witness.send({ op: 'ping', id: 1 });
  assert.equal((await witness.reply(1)).ok, true);
  assert.equal(witness.closed, undefined);
  assert.ok(box.alive, box.log);
  witness.close();
});

test('curl -N: the reading arrives as an SSE event; without a token there is none', async () => {
  const curl = findProgram('curl');
  const url = `${box.url}/api/v1/stream?channel=samples/cold1/%23`;
  const refused = spawnSync(curl, ['-sN', '-m', '20', '-o', '/dev/null', '-w', '%{http_code}', url], { encoding: 'utf8' });
  assert.equal(refused.stdout, '401');
  const child = spawn(curl, ['-sN', '-H', `Authorization: Bearer ${token}`, url], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let text = '';
    child.stdout.on('data', (part) => { text += part; });
    await until('the first event', () => text.includes('event: first'));
    box.publish('tele/cold1/SENSOR', tasmota(20.625));
    await until('the sample', () => /event: sample\ndata: \{.*"v":20\.625,.*\}\nid: \S+\n\n/.test(text));
  } finally {
    child.kill();
  }
});

test('eventsource: resumes after kill -9 without a gap and without a duplicate', async () => {
  const numbers = spawn(findProgram('mosquitto_pub'),
    ['-h', '127.0.0.1', '-p', `${box.mqttPort}`, '-q', '1', '-t', 'count/n', '-l'], { stdio: ['pipe', 'ignore', 'inherit'] });
  let sent = 0;
  const count = setInterval(() => numbers.stdin.write(`${++sent}\n`), 5);
  const seqs = [];
  const values = [];
  const others = [];
  // Values of before the snapshot are in it, not on the stream: everything counts from the first one heard.
  const source = new EventSource(`${box.url}/api/v1/stream?channel=samples/count/%23&since=earliest`,
    { fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }) });
  source.addEventListener('sample', ({ data }) => {
    const { d } = JSON.parse(data);
    seqs.push(d.seq);
    values.push(d.v);
  });
  for (const kind of ['gap', 'first'])
    source.addEventListener(kind, ({ data }) => others.push(JSON.parse(data)));
  try {
    await until('some values before the crash', () => values.length > 200);
    await box.kill();
    const before = values.length;
    await box.startDaemon();
    await until('more values after it', () => values.length > before + 200);
    clearInterval(count);
    numbers.stdin.end();
    const last = sent;
    await until('the last value', () => values.includes(last));
  } finally {
    clearInterval(count);
    numbers.stdin.destroy();
    source.close();
  }
  assert.equal(others.filter((one) => one.ev === 'first').length, 2, 'connected twice');
  // Numbers reserved before a crash are a hole of reason `crash`; whether a value is missing is counted below.
  assert.deepEqual(others.filter((one) => one.ev === 'gap' && one.reason !== 'crash'), []);
  for (let i = 1; i < seqs.length; ++i) assert.ok(seqs[i] > seqs[i - 1], `seq ${seqs[i]} after ${seqs[i - 1]}`);
  const seen = new Set(values);
  const lost = Array.from({ length: sent }, (_, i) => i + 1).filter((n) => !seen.has(n));
  assert.deepEqual(lost, []);
});
