// What the page asks for, held against openapi.yaml by the compiler: a path that goes away fails `npm run check`.
import type { paths } from './types';

export const PATHS = [
  '/api/v1/claim', '/api/v1/session', '/api/v1/tokens/stream', '/api/v1/status', '/api/v1/gateway', '/api/v1/stream', '/api/v1/raw',
  '/api/v1/devices', '/api/v1/devices/{dev}', '/api/v1/devices/{dev}/message', '/api/v1/devices/{dev}/keep', '/api/v1/devices/{dev}/ignore', '/api/v1/registry', '/api/v1/series/{dev}/{pt}', '/api/v1/events-log',
  '/api/v1/rules', '/api/v1/rules/{id}', '/api/v1/rules/check', '/api/v1/alarms', '/api/v1/alarms/{id}/ack', '/api/v1/alarms/{id}/reset',
  '/api/v1/uplinks', '/api/v1/uplinks/{id}/ledger', '/api/v1/uplinks/{id}/dead', '/api/v1/uplinks/{id}/pause', '/api/v1/uplinks/{id}/resume',
  '/api/v1/push/clients', '/api/v1/push/clients/{conn}', '/api/v1/simulator', '/api/v1/simulator/faults', '/api/v1/simulator/faults/{id}',
  '/api/v1/simulator/inputs/{id}', '/api/v1/simulator/pause', '/api/v1/simulator/resume', '/metrics',
] as const satisfies readonly (keyof paths)[];
