import { signal } from '@preact/signals';
import { get } from '../api/client';
import type { Simulator } from '../api/shapes';

export const simulated = signal(false); // whether there is a simulator to switch: /status says so

export const loadSimulator = (): Promise<Simulator> => get<Simulator>('simulator');
