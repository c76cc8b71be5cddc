// Where one is: in the URL's fragment, so that it can be linked, and the browser's Back works.
// `#/sessions/ID`, `#/live?state=talking&sort=bytes_out`.

import { useEffect, useState } from "./libraries.js";

const FIRST = "live";
let cameFromHere = false;

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
      cameFromHere ||= event.oldURL !== ""; // else it is refine()'s or leadHome()'s
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
  history.replaceState(null, "", fragment(view, id, { ...now, ...query }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Back to the list from which one came, or to the first. */
export function goBack() {
  if (cameFromHere) history.back();
  else location.hash = fragment(FIRST);
}
