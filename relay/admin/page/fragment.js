// Where one is: in the URL's fragment, so that it can be linked, and the browser's Back works.
// `#/sessions/ID`, `#/live?state=talking&sort=bytes_out`.

import { useEffect, useRef, useState } from "./libraries.js";

const FIRST = "live";
const SEEN = { seen: true }; // what the history has of entries with a place that is remembered
const places = new Map(); // by fragment: what its view wants remembered
let tellPlace = null; // while there is a view that wants to
let cameFromHere = false;
let cameBack = false; // to where one was before, by Back or Forward

function read() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, id = ""] = path.split("/");
  return {
    view: view || FIRST,
    id: decode(id),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // somebody wrote the URL by hand
  }
}

export function fragment(view, id = "", query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  const path = id ? `${view}/${encodeURIComponent(id)}` : view;
  return `#/${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
}

export function useFragment() {
  const [where, set] = useState(read);
  useEffect(() => {
    const changed = (event) => {
      if (event.oldURL !== "") {
        // else it is refine()'s or leadHome()'s
        cameFromHere = true;
        if (tellPlace) places.set(new URL(event.oldURL).hash, tellPlace());
        cameBack = history.state !== null;
      }
      set(read());
    };
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return where;
}

/** Have an address that leads nowhere be the first view's, without a step in the history. */
export function leadHome() {
  history.replaceState(null, "", fragment(FIRST));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Change the query, without a step in the browser's history. */
export function refine(query) {
  const { view, id, query: now } = read();
  history.replaceState(history.state, "", fragment(view, id, { ...now, ...query }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Back to the list from which one came, or to the first. */
export function goBack() {
  if (cameFromHere) history.back();
  else location.hash = fragment(FIRST);
}

/**
 * Have something of a view remembered when one leaves it.
 *
 * @param tell called then; gives what is to be remembered
 * @returns what was, if one has come back to the view; else undefined
 */
export function usePlace(tell) {
  const latest = useRef(tell);
  latest.current = tell;
  const [place] = useState(() => (cameBack ? places.get(location.hash) : undefined));
  useEffect(() => {
    if (history.state === null) history.replaceState(SEEN, ""); // browsers allow few a second
    tellPlace = () => latest.current();
    return () => {
      tellPlace = null;
    };
  }, []);
  return place;
}
