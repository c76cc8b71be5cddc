// The keyboard: single keys, wherever the focus is, but while something is written or chosen.

import { Dialog } from "./dialog.js";
import { html, useLayoutEffect, useRef } from "./libraries.js";

const WRITING = "input, select, textarea, [contenteditable]";

/**
 * @param actions by key, as KeyboardEvent.key has it: what to do; one that returns false leaves
 *   the key to the browser
 */
export function useKeys(actions) {
  const latest = useRef(actions);
  latest.current = actions;
  useLayoutEffect(() => {
    const pressed = (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
      if (document.querySelector("dialog[open]")) return;
      const action = latest.current[event.key];
      if (!action || (event.target.matches?.(WRITING) && event.key !== "Escape")) return;
      if (action(event) !== false) event.preventDefault();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

const KEYS = [
  ["1 … 5", "the views, from the left"],
  ["/", "to the filter; Esc leaves it"],
  ["j, k or ↓, ↑", "the next and the previous session"],
  ["Enter", "open the session"],
  ["e", "end the session, after a question"],
  ["p", "pause, and go on"],
  ["Esc", "back to the list"],
  ["?", "this help"],
];

export function Help({ onClose }) {
  return html`<${Dialog} title="Keys" onClose=${onClose}>
    <dl class="keys">
      ${KEYS.map(
        ([key, what]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`,
      )}
    </dl>
    <div class="buttons">
      <button type="button" class="primary" autofocus onClick=${onClose}>Close</button>
    </div>
  <//>`;
}
