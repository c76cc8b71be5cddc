// Asking again and again: one request at a time, only while somebody looks, ever less often while
// the relay is away, and no more of what it refuses for good.

import { Away } from "./api.js";
import { useEffect, useRef, useState } from "./libraries.js";

const LONGEST = 30; // seconds

/** Of each that is asked for: how to ask again, and whether that failed when it was tried last. */
const all = new Set();

/** Whether the relay is there concerns everything: if one knows better, the others ask at once. */
function tellOthers(one) {
  for (const other of all) {
    if (other !== one && other.isFailing !== one.isFailing) other.run();
  }
}

/**
 * What `load` gives, every so many seconds.
 *
 * @param load called with a signal that aborts it; gives a promise
 * @param seconds from an answer to the next request; Infinity asks once
 * @param key what is asked for: when it changes, that is asked at once
 * @param paused whether what was asked for once is enough
 * @returns data (of the last answer, null before), error (of the last try, null if it went well),
 *   wait (seconds until the next try, after an error; Infinity if there is none), again (to ask
 *   at once)
 */
export function usePolling(load, seconds, key = "", paused = false) {
  const [shown, show] = useState({ data: null, error: null, wait: 0 });
  const again = useRef(() => {});
  const latest = useRef(load);
  latest.current = load;
  const answered = useRef(null); // the key of the last answer
  useEffect(() => {
    const leaving = new AbortController();
    let timer = 0;
    let underWay = false;
    let failures = 0;
    let isOver = false; // the relay will not answer otherwise
    const mine = { isFailing: false, run: () => runUnlessPaused() };

    const tell = (isFailing) => {
      if (mine.isFailing === isFailing) return;
      mine.isFailing = isFailing;
      tellOthers(mine);
    };

    const run = async () => {
      clearTimeout(timer);
      if (underWay || document.hidden || leaving.signal.aborted) return;
      underWay = true;
      let next = seconds;
      try {
        const data = await latest.current(leaving.signal);
        if (leaving.signal.aborted) return;
        failures = 0;
        answered.current = key;
        if (paused) next = Infinity;
        show({ data, error: null, wait: 0 });
        tell(false);
      } catch (error) {
        if (leaving.signal.aborted) return;
        failures += 1;
        isOver = error.isFinal ?? false;
        next = Math.min(Math.max(error.retryAfter ?? 0, 2 ** failures), LONGEST);
        if (isOver) next = Infinity;
        const isOfAnother = isOver && answered.current !== key;
        show(({ data }) => ({ data: isOfAnother ? null : data, error, wait: next }));
        tell(error instanceof Away);
      } finally {
        underWay = false;
      }
      if (Number.isFinite(next)) timer = setTimeout(run, next * 1000);
    };

    const runUnlessPaused = () => {
      if (!isOver && (!paused || answered.current !== key)) run();
    };

    again.current = run;
    all.add(mine);
    document.addEventListener("visibilitychange", runUnlessPaused);
    runUnlessPaused();
    return () => {
      leaving.abort();
      all.delete(mine);
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", runUnlessPaused);
    };
  }, [seconds, key, paused]);
  return { ...shown, again: () => again.current() };
}
