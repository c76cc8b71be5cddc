// The form for the operator's token.

import * as api from "./api.js";
import { html, useEffect, useRef, useState } from "./libraries.js";
import { sentence } from "./notices.js";

export function Login({ status, onEntered }) {
  const [state, set] = useState({ busy: false, error: null });
  const box = useRef(null);
  useEffect(() => {
    document.title = "Log in – relay";
    box.current?.focus(); // autofocus works once, when a page is loaded
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    set({ busy: true, error: null });
    try {
      await api.logIn(box.current.value.trim());
      onEntered();
    } catch (error) {
      set({ busy: false, error });
      box.current.select();
    }
  };
  return html`<main class="login">
    <h1><img src="/page/icon.svg" alt="" />relay</h1>
    ${
      status.has_token
        ? html`<form onSubmit=${submit}>
          <label for="token">The operator's token</label>
          <input ref=${box} id="token" type="password" autocomplete="current-password" required
            maxlength="256" spellcheck=${false} aria-describedby="token-hint token-error" />
          <p class="error" id="token-error" role="alert">${said(state.error)}</p>
          <button type="submit" class="primary" disabled=${state.busy}>Log in</button>
          <p class="hint" id="token-hint">
            The one that <code>relay token new</code> gave: its hash is the
            <code> token_sha256</code> of <code>[admin]</code>.</p>
        </form>`
        : html`<p class="notice warn">
          <code>[admin]</code> has no <code>token_sha256</code>, so nobody can log in: there are only
          metrics and health. Make a token with <code>relay token new</code>, put its hash into the
          configuration, and reload the relay.</p>`
    }
  </main>`;
}

function said(error) {
  if (!error) return null;
  const wait = error.retryAfter ? ` Try again in ${error.retryAfter} s.` : "";
  return `${sentence(error.message)}.${wait}`;
}
