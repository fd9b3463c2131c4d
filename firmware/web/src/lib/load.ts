// A request of a page: what it got, what went wrong, and again every `period` ms while the page is visible.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { problemOf, type Problem } from '../api/client';

export interface Loaded<T> {
  data: T | null;
  problem: Problem | null;
  again: () => Promise<void>;
}

export function useLoad<T>(load: () => Promise<T>, key: string, period = 0, keep = false): Loaded<T> {
  const [data, setData] = useState<T | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const turn = useRef(0);
  const work = useRef(load);
  work.current = load;
  const again = useCallback(async () => {
    const mine = ++turn.current;
    try {
      const got = await work.current();
      if (mine !== turn.current) return;
      setData(got);
      setProblem(null);
    } catch (error) {
      if (mine === turn.current) setProblem(problemOf(error));
    }
  }, []);
  useEffect(() => {
    if (!keep) setData(null); // else the last answer is shown until the next one is there
    setProblem(null);
    void again();
    if (period === 0) return () => void ++turn.current;
    const timer = setInterval(() => {
      if (!document.hidden) void again();
    }, period);
    return () => {
      ++turn.current;
      clearInterval(timer);
    };
  }, [key, period, again]);
  return { data, problem, again };
}
