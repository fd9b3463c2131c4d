// A broker and a daemon of their own for one test file: temp folders, free ports, stopped by PID.
import { spawn, execFileSync } from 'node:child_process';
import { accessSync, appendFileSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const PASSPHRASE = 'a kettle of seven fish';

const runnable = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

export function findProgram(name) {
  const folders = [...(process.env.PATH || '').split(':'), '/usr/sbin', '/usr/bin'];
  return folders.map((folder) => join(folder, name)).find(runnable);
}

// Waits for a condition, never for a time; `what` is said when it does not come.
export async function until(what, check, ms = 30e3) {
  const end = Date.now() + ms;
  for (;;) {
    const got = await check();
    if (got) return got;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

export function freePort() {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

const answers = (port) => new Promise((done) => {
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => { socket.destroy(); done(true); });
  socket.once('error', () => done(false));
});

const ended = (child) => child.exitCode !== null || child.signalCode !== null;

async function stopChild(child, signal = 'SIGTERM') {
  if (!child || ended(child)) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill(signal);
  const hard = setTimeout(() => child.kill('SIGKILL'), 15e3);
  await gone;
  clearTimeout(hard);
}

const openapi = readFileSync(new URL('../../firmware/api/openapi.yaml', import.meta.url), 'utf8');

export class Gateway {
  // Whether this tree's daemon passes a simulator's switches on.
  static switches = openapi.includes('/api/v1/simulator:');

  // options: name, rules {file: text}, uplink (true: the same broker is the cloud), more (lines for the main file)
  static async start(options = {}) {
    const one = new Gateway();
    one.bin = process.env.FOG_BIN;
    one.folder = mkdtempSync(join(tmpdir(), 'fog-web-'));
    one.state = join(one.folder, 'state');
    // The ingest ring lives here; memory outlives the process as /run does on a box.
    const memory = existsSync('/dev/shm') ? '/dev/shm' : one.folder;
    one.runtime = mkdtempSync(join(memory, 'fog-web-'));
    process.once('exit', () => one.abandon());
    try {
      await one.startBroker();
      one.port = await freePort();
      one.url = `http://127.0.0.1:${one.port}`;
      one.configure(options);
      await one.startDaemon();
    } catch (error) {
      await one.stop();
      throw error;
    }
    return one;
  }

  async startBroker() {
    this.mqttPort = await freePort();
    const config = join(this.folder, 'mosquitto.conf');
    writeFileSync(config, `listener ${this.mqttPort} 127.0.0.1\nallow_anonymous true\nuser root\n`);
    this.broker = spawn(findProgram('mosquitto'), ['-c', config], { stdio: 'ignore' });
    await until('the broker listens', () => answers(this.mqttPort));
  }

  configure({ name = 'Test box', rules = {}, uplink = false, more = '' }) {
    const config = join(this.folder, 'config');
    for (const part of ['rules.d', 'ports.d', 'uplinks.d']) mkdirSync(join(config, part), { recursive: true });
    mkdirSync(this.state);
    this.config = join(config, 'fogline.toml');
    writeFileSync(this.config, `[gateway]\nname = "${name}"\n[http]\nlisten = ["127.0.0.1"]\nport = ${this.port}\n` +
      (more.includes('[mqtt.listener]') ? '' : '[mqtt.listener]\nport = 0\n') +
      `[log]\nmax_bytes = "64 MiB"\n[[mqtt.source]]\nid = "devices"\nurl = "mqtt://127.0.0.1:${this.mqttPort}"\n${more}`);
    for (const [file, text] of Object.entries(rules)) writeFileSync(join(config, 'rules.d', file), text);
    if (Gateway.switches) appendFileSync(this.config, `[simulator]\nsocket = "${join(this.folder, 'sim', 'control.sock')}"\n`);
    if (uplink)
      writeFileSync(join(config, 'uplinks.d', 'cloud.toml'), `type = "mqtt"\nurl = "mqtt://127.0.0.1:${this.mqttPort}"\n`);
  }

  async startDaemon() {
    this.daemon = spawn(join(this.bin, 'foglined'),
      [...(process.env.FOG_UI_DIR ? ['--ui-dir', process.env.FOG_UI_DIR] : []), '--config', this.config, '--state', this.state, '--runtime', this.runtime],
      { stdio: ['ignore', 'ignore', 'pipe'] });
    this.log ??= '';
    this.daemon.stderr.on('data', (text) => { this.log = (this.log + text).slice(-64e3); });
    await until('the daemon is ready', async () => {
      if (ended(this.daemon)) throw new Error(`foglined ended:\n${this.log}`);
      return fetch(`${this.url}/readyz`).then((answer) => answer.ok, () => false);
    }, 60e3);
  }

  get pid() { return this.daemon.pid; }
  get alive() { return !ended(this.daemon); }

  ctl(args, input = '') {
    return execFileSync(join(this.bin, 'fogctl'), ['--socket', join(this.runtime, 'control.sock'), ...args],
      { input, encoding: 'utf8', timeout: 30e3 });
  }

  claimCode() { return readFileSync(join(this.runtime, 'claim'), 'utf8').trim(); }
  claim() { this.ctl(['claim', 'set'], `${PASSPHRASE}\n`); }

  token(...scopes) {
    const made = this.ctl(['--json', 'token', 'create', '--name', 'test', ...scopes.flatMap((one) => ['--scope', one])]);
    return JSON.parse(made).token;
  }

  publish(topic, payload) {
    execFileSync(findProgram('mosquitto_pub'),
      ['-h', '127.0.0.1', '-p', `${this.mqttPort}`, '-q', '1', '-t', topic, '-s'], { input: payload, timeout: 30e3 });
  }

  // A process that publishes each line written to it: nothing starts between the sensor and the broker.
  publisher(topic) {
    return spawn(findProgram('mosquitto_pub'), ['-h', '127.0.0.1', '-p', `${this.mqttPort}`, '-q', '1', '-t', topic, '-l'], { stdio: ['pipe', 'ignore', 'inherit'] });
  }

  // The source is subscribed once a reading comes through; a broker keeps nothing for strangers.
  async ready(token) {
    await until('the gateway hears the broker', async () => {
      this.publish('probe/hello', '1');
      const answer = await fetch(`${this.url}/api/v1/devices`, { headers: { Authorization: `Bearer ${token}` } });
      return (await answer.text()).includes('"hello"');
    });
  }

  // Devices of fogsim over real MQTT: freezers that publish a temperature and a door each.
  async simulate({ count = 8, interval = '1 s', extra = '' } = {}) {
    const scenario = join(this.folder, 'scenario.toml');
    writeFileSync(scenario, `name = "Cold store"\nseed = 7\n[[device]]\nid = "freezer-{n}"\ncount = ${count}\npersonality = "mqtt.json"\ninterval = "${interval}"\n` +
      'link = { prefix = "sim", qos = 1 }\npoint.temp = { unit = "Cel", signal = { sine = 0.8, level = -20.0, period = "20 s", phase = "random" }, sensor = { noise = 0.05, quantum = 0.1 } }\n' +
      `point.door = { type = "boolean", signal = { constant = 0 } }\n${extra}`);
    this.sim = spawn(join(this.bin, 'fogsim'), ['run', scenario, '--mqtt', `mqtt://127.0.0.1:${this.mqttPort}`, '--out', join(this.folder, 'sim'), '--quiet'],
      { stdio: ['ignore', 'ignore', 'pipe'] });
    this.simLog = '';
    this.sim.stderr.on('data', (text) => { this.simLog = (this.simLog + text).slice(-16e3); });
    const token = this.token('read:live');
    await until(`${count} simulated devices`, async () => {
      if (ended(this.sim)) throw new Error(`fogsim ended:\n${this.simLog}`);
      const { total } = await fetch(`${this.url}/api/v1/devices?limit=1`, { headers: { Authorization: `Bearer ${token}` } }).then((a) => a.json());
      return total >= count;
    });
  }

  stopSimulation() { return stopChild(this.sim); }

  kill() { return stopChild(this.daemon, 'SIGKILL'); }
  halt() { return stopChild(this.daemon); }

  async stop() {
    await stopChild(this.sim);
    await stopChild(this.daemon);
    await stopChild(this.broker);
    this.abandon();
  }

  abandon() {  // also when a test file dies half-way
    for (const child of [this.sim, this.daemon, this.broker]) if (child && !ended(child)) child.kill('SIGKILL');
    for (const folder of [this.folder, this.runtime]) rmSync(folder, { recursive: true, force: true });
  }
}
