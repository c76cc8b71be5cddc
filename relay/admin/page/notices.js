// What is to be said when there is nothing to show: the relay is away, or refuses, or waits.

import { Away } from "./api.js";
import { html } from "./libraries.js";

export function Trouble({ error, wait, again }) {
  if (!error) return null;
  const kept = error instanceof Away ? " What you see is what it said last." : "";
  return html`<div class="notice bad" role="status">
    <p><strong>${sentence(error.message)}.</strong>${kept} The next try is in ${Math.ceil(wait)} s.</p>
    <button type="button" onClick=${again}>Try now</button>
  </div>`;
}

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;
