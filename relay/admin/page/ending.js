// Ending a session: the reason, and a question first.

import * as api from "./api.js";
import { Confirm } from "./dialog.js";
import { html } from "./libraries.js";

const LONGEST = 123; // bytes of a Close's reason (RFC 6455 5.5); the relay cuts what is longer

export function EndSession({ id, name, onClose, onDone }) {
  const act = async (form) => {
    await api.end(id, form.get("reason").trim() || "ended by the operator");
    onDone?.();
  };
  return html`<${Confirm} title="End this session?" verb="End session" act=${act} onClose=${onClose}>
    <p><strong>${name}</strong><br /><code class="id">${id}</code></p>
    <label for="reason">Reason</label>
    <input id="reason" name="reason" maxlength=${LONGEST} value="ended by the operator" autofocus />
    <p class="hint">The client is told 1008 with this reason, the provider 1001. While it is still
      opening, the client is refused with 403 and this reason.</p>
  <//>`;
}
