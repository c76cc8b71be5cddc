// What a session is doing, or what became of it: one word, one colour.

import { age } from "./format.js";
import { html } from "./libraries.js";

export const STATES = ["opening", "talking", "silent", "closing"];
export const OUTCOMES = ["completed", "broken", "ended", "refused", "abandoned"];

const USUAL = new Set([1000, 1001, 1005]); // RFC 6455 7.4.1
const TALKS = { client: "the client", provider: "the provider", both: "both sides" };

/** The word, in its own colour if no other is given. */
export const Badge = ({ word, tone: its = word }) =>
  html`<span class="badge is-${its}">${word}</span>`;

/** A Close with a code that says that something was wrong completes a session, too. */
export const tone = ({ outcome, close_code: code }) =>
  outcome === "completed" && !USUAL.has(code) ? "told" : outcome;

/** Who sends, or for how long nobody has. */
export function doing({ state, talks, silent_for, duration }) {
  if (state === "opening") return `for ${age(duration)}`;
  if (talks) return TALKS[talks];
  if (state === "silent" && silent_for != null) return `for ${age(silent_for)}`;
  return "";
}
