// What is to be said when there is nothing to show: the relay is away, or refuses, or waits.

import { Away } from "./api.js";
import { createContext, html, useContext } from "./libraries.js";

const BAD_REQUEST = 400;

/** Whether the relay is away, and the frame says so above whatever view there is. */
const AwayAbove = createContext(false);
export const Frame = AwayAbove.Provider;
export const useAway = () => useContext(AwayAbove);

export function Trouble({ error, wait, again, draining = false }) {
  const isSaid = useAway();
  if (!error || (isSaid && error instanceof Away)) return null;
  if (error.isFinal) return html`<${Final} error=${error} />`;
  const kept = error instanceof Away ? " What you see is what it said last." : "";
  const drained =
    draining && error instanceof Away ? " It was draining, and may have ended." : "";
  return html`<div class="notice bad" role="status">
    <p><strong>${sentence(error.message)}.</strong>${drained}${kept} The next try is in ${Math.ceil(wait)} s.</p>
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
