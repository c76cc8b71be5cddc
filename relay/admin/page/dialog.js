// A question that has to be answered first: the browser's own dialog, which keeps the focus.

import { html, useLayoutEffect, useRef, useState } from "./libraries.js";

export function Dialog({ title, onClose, children }) {
  const place = useRef(null);
  const left = useRef(false);
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = place.current;
    dialog.showModal();
    dialog.querySelector("[autofocus]")?.focus();
    return () => {
      left.current = true;
      dialog.close(); // what is behind it takes no focus while it is open
      if (before?.isConnected) before.focus();
    };
  }, []);
  return html`<dialog ref=${place} aria-labelledby="dialog-title"
    onClose=${() => left.current || onClose()}>
    <h2 id="dialog-title">${title}</h2>
    ${children}
  </dialog>`;
}

/**
 * Ask before something is done that cannot be taken back.
 *
 * @param act what to do: gives a promise; what it rejects with is shown
 * @param verb what the button says
 * @param onClose called when it is done, or not to be done
 */
export function Confirm({ title, verb, act, onClose, children }) {
  const [state, set] = useState({ busy: false, error: null });
  const submit = async (event) => {
    event.preventDefault();
    set({ busy: true, error: null });
    try {
      await act(new FormData(event.target));
      onClose();
    } catch (error) {
      set({ busy: false, error });
    }
  };
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <form onSubmit=${submit}>
      ${children}
      <p class="error" role="alert">${state.error?.message}</p>
      <div class="buttons">
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class="danger" disabled=${state.busy}>${verb}</button>
      </div>
    </form>
  <//>`;
}
