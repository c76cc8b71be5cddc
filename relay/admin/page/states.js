// What a session is doing, or what became of it: one word, one colour.

import { age } from "./format.js";
import { html } from "./libraries.js";

export const STATES = ["opening", "talking", "silent", "closing"];
export const OUTCOMES = ["completed", "broken", "ended", "refused", "abandoned"];

const TALKS = { client: "the client", provider: "the provider", both: "both sides" };

export const Badge = ({ word }) => html`<span class="badge is-${word}">${word}</span>`;

/** Who sends, or for how long nobody has. */
export function doing({ state, talks, silent_for, duration }) {
  if (state === "opening") return `for ${age(duration)}`;
  if (talks) return TALKS[talks];
  if (state === "silent" && silent_for != null) return `for ${age(silent_for)}`;
  return "";
}
