// The relay itself: its drain, and the configuration in force.

import * as api from "./api.js";
import { Confirm } from "./dialog.js";
import { html, useState } from "./libraries.js";
import { Trouble, useAway } from "./notices.js";
import { Facts } from "./pieces.js";
import { usePolling } from "./polling.js";
import { words } from "./format.js";

const EVERY = 30; // seconds: it changes by a reload

export function Relay({ draining, onDrained }) {
  const [asking, ask] = useState(false);
  const isAway = useAway();
  const { data, ...trouble } = usePolling(api.config, EVERY);
  return html`
    <h1 class="unseen">The relay</h1>
    <${Trouble} ...${trouble} />
    <section aria-labelledby="drain" class="drain">
      <div><h2 id="drain">Drain</h2>
        <p class="hint">Opens no more sessions, tells those that are open to end, and then stops the
          relay, and with it this page.</p></div>
      <button type="button" class="danger quiet" disabled=${draining || isAway}
        onClick=${() => ask(true)}>
        ${draining ? "Draining" : "Drain the relay"}</button>
    </section>
    ${
      data &&
      html`<section aria-labelledby="config">
      <h2 id="config">Configuration in force</h2>
      ${Object.entries(data).map(
        ([name, value]) =>
          html`<${Part} key=${name} name=${name} value=${value} open=${name === "server"} />`,
      )}
    </section>`
    }
    ${asking && html`<${Drain} onClose=${() => ask(false)} onDone=${onDrained} />`}
  `;
}

function Drain({ onClose, onDone }) {
  const act = async (form) => {
    await api.drain(form.get("how") === "restart");
    onDone();
  };
  return html`<${Confirm} title="Drain the relay?" verb="Drain" act=${act} onClose=${onClose}>
    <p>No session opens any more. This cannot be taken back.</p>
    <fieldset><legend>Clients are told</legend>
      <label><input type="radio" name="how" value="stop" checked autofocus /> 1001, going away</label>
      <label><input type="radio" name="how" value="restart" />
        ${" "}1012, that they may come back at once</label>
    </fieldset>
  <//>`;
}

const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** A part of the configuration: what is plain as a list, what has parts of its own to be opened. */
function Part({ name, value, open }) {
  if (!isMap(value)) {
    return html`<${Facts} facts=${[[name, plain(value)]]} />`;
  }
  const parts = Object.entries(value);
  const simple = parts.filter(([, each]) => !isMap(each));
  const facts = simple.map(([key, each]) => [words(key), plain(each)]);
  const others = parts.filter(([, each]) => isMap(each));
  return html`<details open=${open}>
    <summary>${name}</summary>
    <div class="part">
      ${facts.length > 0 && html`<${Facts} facts=${facts} />`}
      ${others.map(([key, each]) => html`<${Part} key=${key} name=${key} value=${each} />`)}
    </div>
  </details>`;
}

function plain(value) {
  if (value === null) return "–";
  if (Array.isArray(value)) {
    if (!value.length) return "none";
    return value.map((each) => (isMap(each) ? entries(each) : String(each))).join(", ");
  }
  return String(value);
}

const entries = (value) =>
  Object.entries(value)
    .filter(([, each]) => each !== null)
    .map(([key, each]) => (key === "name" ? each : `${words(key)} ${plain(each)}`))
    .join(" · ");
