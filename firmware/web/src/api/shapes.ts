// What the answers hold, as far as the page reads it. The paths are checked against openapi.yaml (types.d.ts).
import type { Scalar } from '../lib/format';
import type { TomlTable } from '../lib/toml';
import type { FieldFault } from './client';

export interface Page<T> {
  items: T[];
  next?: string | null;
  total?: number;
}
export interface Point {
  pt: string;
  u?: string;
  v?: Scalar;
  q?: string;
  seq?: number;
  ts?: string;
  rx?: string;
  age_ms?: number;
  interval_s?: number;
  samples?: number;
  spark?: (number | null)[];
}
export interface Device {
  id: string;
  name: string;
  key: string;
  source: string;
  dialect: string;
  admission?: 'active' | 'provisional' | 'ignored';
  kind?: string;
  state: string;
  reason?: string;
  interval_s?: number;
  samples: number;
  simulated?: boolean;
  age_ms: number;
  points: Point[];
}
export interface Newcomers { // who waits, and what happens to who comes next
  new: Record<string, string>;
  fixed: boolean;
  provisional: number;
  ignored: number;
  held_back: number;
  held_back_by: { why: string; source: string; last: string; times: number }[];
}
export interface Sample {
  dev: string;
  pt: string;
  v: Scalar;
  u?: string;
  q?: string;
  ts?: string;
  rx?: string;
  seq: number;
  hist?: boolean;
}
export interface Alarm {
  alarm: string;
  occurrence?: string;
  dev: string;
  pt?: string;
  rule?: string;
  version?: number;
  state: string;
  stale?: boolean;
  severity: string;
  text: string;
  v?: Scalar;
  u?: string;
  limit?: number;
  since?: string;
  by?: string;
  note?: string;
  change?: string;
  ts?: string;
}
export interface RuleItem {
  id: string;
  etag: string;
  managed: boolean;
  rule: TomlTable;
  title?: string;
  mode?: string;
  version?: number;
  by?: string;
  active: boolean;
  evaluations?: number;
  fires?: number;
  withheld?: number;
  instances?: { dev: string; state: string; why: string }[];
  faults: FieldFault[];
}
export interface Uplink {
  id: string;
  type: string;
  state: string;
  words: string;
  connected: boolean;
  since: string | null;
  last_error: string;
  last_error_at: string | null;
  last_ack: string | null;
  sent: number;
  acknowledged: number;
  refused: number;
  retries: number;
  connects: number;
  in_flight: number;
  rate: number;
  drain_s?: number;
  waiting: number;
  waiting_bytes: number;
  backlog?: { oldest_age_s: number | null };
}
export interface LedgerLane {
  accepted: number;
  acknowledged: number;
  waiting: number;
  waiting_bytes: number;
  shed: number;
  expired: number;
  dead: number;
}
export interface Ledger {
  sink: string;
  lanes: Record<string, LedgerLane>;
  sum: LedgerLane;
  exact: boolean;
  causes: Record<string, number>;
  oldest_waiting: string | null;
}
export interface Status {
  gw: string;
  name: string;
  version: string;
  clock: string | null | { time: string | null; trusted: boolean };
  clock_trusted?: boolean;
  uptime_s: number;
  devices: number;
  points: number;
  alarms: number | { critical: number; high: number; medium: number; low: number; unack: number };
  rules: number;
  uplinks?: { up: number; down: number; paused?: number; waiting: number };
  storage?: { used_bytes: number; max_bytes: number; days_left: number | null };
  log: { max_bytes: number; database_bytes: number; lanes: Record<string, { hours_until_full: number }> };
  links: { id: string; up: boolean; words: string; address?: string }[];
  simulator?: boolean;
  mqtt_port?: number; // of the gateway's own listener
}
export interface PushClient {
  conn: string;
  transport: string;
  remote: string;
  who: string;
  channels: string[];
  events: number;
  bytes: number;
  conflated: number;
  dropped: number;
  queue_bytes: number;
  open_s: number;
  slow: boolean;
}
export interface Series {
  from: number | string;
  to: number | string;
  u?: string;
  count: number;
  exact: boolean;
  reduced?: boolean; // each value stands for several: min and max span them
  t: number[];
  v: (number | null)[];
  min?: (number | null)[];
  max?: (number | null)[];
  gaps: [number, number, string][];
}
export interface Message {
  source: string;
  topic: string;
  payload: string;
  hex: string;
  bytes: number;
  age_ms: number;
  dialect: string;
  why: string;
  runner_up: string | null;
  points: { pt: string; v: Scalar }[];
}
export interface LogItem {
  ev: string;
  d: Record<string, unknown>;
  pos: string;
}
export interface Simulator {
  scenario: string;
  seed: number;
  running: boolean;
  paused: boolean;
  elapsed_s: number;
  devices: { id: string; personality: string; state: string }[];
  inputs: { id: string; value: Scalar }[];
  faults: { id: string | number; on: string; kind: string; active: boolean; ends_in_s: number | null }[];
  switches: { on: string; kinds: string[] }[];
}
export interface Session {
  name: string;
  scopes: string[];
  expires?: string;
}
