// What was just saved can be taken back for ten seconds; it outlives the page that saved it.
import { signal } from '@preact/signals';
import { problemOf, type Problem } from '../api/client';
import { announce } from './announce';

const LASTS = 10e3;

export interface Offer {
  text: string;
  done: string;
  until: number; // performance.now()
  run: () => Promise<unknown>;
  problem?: Problem;
}
export const offer = signal<Offer | null>(null);
export const undone = signal(0); // rises when something was taken back: load it again
let timer = 0;

export function offerUndo(text: string, done: string, run: () => Promise<unknown>): void {
  clearTimeout(timer);
  offer.value = { text, done, until: performance.now() + LASTS, run };
  timer = setTimeout(() => (offer.value = null), LASTS) as unknown as number;
}

export async function undo(): Promise<void> {
  const now = offer.peek();
  if (!now) return;
  clearTimeout(timer);
  try {
    await now.run();
    offer.value = null;
    undone.value += 1;
    announce(now.done);
  } catch (error) { // somebody else saved meanwhile: it stays as it is, and says so
    offer.value = { ...now, problem: problemOf(error) };
  }
}

export const dismiss = (): void => void (offer.value = null);
