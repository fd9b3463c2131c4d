import { signal } from '@preact/signals';
import { get } from '../api/client';
import type { Simulator } from '../api/shapes';

export const simulated = signal(false); // whether there is a simulator to switch

export const loadSimulator = async (): Promise<Simulator> => {
  const got = await get<Simulator>('simulator');
  simulated.value = true;
  return got;
};
