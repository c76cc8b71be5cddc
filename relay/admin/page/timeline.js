// What happened and when: the opening, step by step, the turns, and all of it as a list.

import { seconds } from "./format.js";
import { html } from "./libraries.js";

const STEPS = {
  head: "the client's request",
  tls: "TLS with the client",
  authorise: "who asks, and for what",
  connect: "connecting to the provider",
  proxy: "the way through the proxy",
  upstream_tls: "TLS with the provider",
  failover: "an upstream that failed",
  upstream: "the provider's answer",
  answer: "the answer to the client",
  unfinished: "came to nothing here",
};
const TOO_MANY = 200; // turns that are drawn

/** Where in a whole something is, in percent. */
const share = (part, whole) => `${Math.min(Math.max((100 * part) / (whole || 1), 0), 100)}%`;

export function Opening({ steps }) {
  const known = Object.entries(steps);
  if (!known.length) return null;
  const whole = known.reduce((total, [, took]) => total + took, 0);
  let began = 0;
  const bars = known.map(([step, took]) => {
    began += took;
    return { step, took, from: began - took };
  });
  return html`<figure class="opening">
    <figcaption>Opening <span>${seconds(whole)}</span></figcaption>
    <ol class="steps">
      ${bars.map(
        ({ step, took, from }) => html`<li key=${step} class=${step === "unfinished" ? "bad" : ""}>
        <span class="step">${step.replace("_", " ")}</span>
        <span class="hint">${STEPS[step]}</span>
        <svg aria-hidden="true"><rect class="track" width="100%" height="100%" rx="2" />
          <rect class="bar" x=${share(from, whole)} width=${share(took, whole)} height="100%" rx="2" /></svg>
        <span class="took">${seconds(took)}</span>
      </li>`,
      )}
    </ol>
  </figure>`;
}

/**
 * The turns on one line: how long each was, when it was heard first (above it), whether it was cut
 * off (below it).
 */
export function Turns({ turns, duration, live }) {
  if (!turns.length) return null;
  const last = turns.slice(-TOO_MANY);
  const from = last.length < turns.length ? last[0].began : 0;
  const to = Math.max(duration, ...last.map((turn) => turn.ended ?? turn.began));
  const at = (time) => share(time - from, to - from);
  const cut = last.filter((turn) => turn.interrupted).length;
  return html`<figure class="turns">
    <figcaption>Turns <span>${turns.length}${cut ? `, ${cut} interrupted` : ""}</span></figcaption>
    <svg aria-hidden="true">
      <rect class="track" y="10" width="100%" height="16" rx="3" />
      ${last.map(
        (turn, number) => html`<g key=${number} class=${turn.interrupted ? "cut" : ""}>
        <rect class="bar" x=${at(turn.began)} y="10" height="16" rx="2"
          width=${share(Math.max((turn.ended ?? to) - turn.began, (to - from) / 400), to - from)} />
        <${Mark} what="heard" x=${at(turn.first_audio)} y="0" known=${turn.first_audio != null} />
        <${Mark} what="stop" x=${at(turn.ended)} y="26" known=${turn.interrupted && turn.ended} />
      </g>`,
      )}
    </svg>
    <p class="scale"><span>${seconds(from)}</span><span>${live ? "now" : seconds(to)}</span></p>
    <p class="key"><span class="k-bar">a turn</span><span class="k-heard">its first audio</span>
      ${cut > 0 && html`<span class="k-stop">interrupted by the client</span>`}</p>
  </figure>`;
}

const Mark = ({ what, x, y, known }) =>
  known ? html`<rect class=${what} x=${x} y=${y} width="2" height="10" />` : null;

export function Timeline({ moments, explanation }) {
  return html`<ol class="timeline">
    ${moments.map(
      ({ at, what }, number) => html`<li key=${number} class=${kind(what, explanation)}>
      <time>${at.toFixed(3)} s</time><span>${what}</span></li>`,
    )}
  </ol>`;
}

function kind(what, explanation) {
  if (what === explanation) return "ending";
  if (what.startsWith("open, by")) return "opened";
  return what.endsWith("was interrupted") ? "cut" : "";
}
