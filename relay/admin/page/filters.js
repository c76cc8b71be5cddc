// The filters above a table. What is chosen stands in the URL, so that it can be linked.

import { refine } from "./fragment.js";
import { useKeys } from "./keys.js";
import { html, useEffect, useRef, useState } from "./libraries.js";

const PAUSE = 200; // ms without a key, before the relay is asked

/** A box that `/` leads to. */
export function SearchBox({ label, value, onChange }) {
  const [text, set] = useState(value);
  const box = useRef(null);
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (document.activeElement !== box.current) set(value); // somebody followed a link
  }, [value]);
  useKeys({
    "/": () => box.current.focus(),
    Escape: () => document.activeElement === box.current && box.current.blur(),
  });
  const typed = (event) => {
    const now = event.target.value;
    set(now);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => onChange(now.trim()), PAUSE);
  };
  return html`<input ref=${box} type="search" class="search" placeholder=${label} aria-label=${label}
    aria-keyshortcuts="/" autocomplete="off" spellcheck=${false} value=${text} onInput=${typed} />`;
}

export function Choice({ name, label, options, value = "" }) {
  const known = value && !options.includes(value) ? [value, ...options] : options;
  return html`<select aria-label=${label} value=${value} class=${value && "chosen"}
    onChange=${(event) => refine({ [name]: event.target.value })}>
    <option value="">${label}: all</option>
    ${known.map((option) => html`<option key=${option} value=${option}>${option}</option>`)}
  </select>`;
}

export const gateways = (config) => Object.keys(config?.gateways ?? {}).sort();
export const providers = (config) => Object.keys(config?.providers ?? {}).sort();
