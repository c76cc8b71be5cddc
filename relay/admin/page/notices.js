// What is to be said when there is nothing to show: the relay is away, or refuses, or waits.

import { Away } from "./api.js";
import { html } from "./libraries.js";

const BAD_REQUEST = 400;

export function Trouble({ error, wait, again }) {
  if (!error) return null;
  if (error.isFinal) return html`<${Final} error=${error} />`;
  const kept = error instanceof Away ? " What you see is what it said last." : "";
  return html`<div class="notice bad" role="status">
    <p><strong>${sentence(error.message)}.</strong>${kept} The next try is in ${Math.ceil(wait)} s.</p>
    <button type="button" onClick=${again}>Try now</button>
  </div>`;
}

/** What asking again does not help; a parameter that is wrong was written into the address. */
function Final({ error }) {
  if (error.status !== BAD_REQUEST) {
    return html`<p class="notice bad" role="status">${sentence(error.message)}.</p>`;
  }
  const [view] = location.hash.split("?");
  return html`<div class="notice bad" role="status">
    <p><strong>The relay does not know what this address asks for.</strong></p>
    <a href=${view}>Leave out the filters</a>
  </div>`;
}

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;
