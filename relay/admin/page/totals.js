// What was used and what it cost: by day, by gateway, by provider.

import * as api from "./api.js";
import { count, money, plural, seconds, sum, words } from "./format.js";
import { refine } from "./fragment.js";
import { Fragment, html, useState } from "./libraries.js";
import { Empty, Trouble, sentence } from "./notices.js";
import { Facts, Heads, Share } from "./pieces.js";
import { usePolling } from "./polling.js";

const EVERY = 60; // seconds
const RANGES = ["7", "30", "90"]; // days
const DAY = 24 * 3600 * 1000; // ms

export function Totals({ query }) {
  const days = RANGES.includes(query.days) ? query.days : "30";
  const load = (signal) => {
    const midnight = new Date().setUTCHours(0, 0, 0, 0);
    return api.totals(
      { since: new Date(midnight - (Number(days) - 1) * DAY).toISOString() },
      signal,
    );
  };
  const { data, ...trouble } = usePolling(load, EVERY, days);
  const nobody = trouble.error?.status === 404;
  return html`
    <h1 class="unseen">Usage and cost</h1>
    ${
      nobody
        ? html`<${Empty}>${sentence(trouble.error.message)}.<//>`
        : html`<${Trouble} ...${trouble} />`
    }
    ${
      data &&
      html`
      <div class="filters">
        <select aria-label="Days" value=${days}
          onChange=${(event) => refine({ days: event.target.value })}>
          ${RANGES.map((each) => html`<option key=${each} value=${each}>The last ${each} days</option>`)}
        </select>
      </div>
      ${
        data.days.length
          ? html`<${Sums} rows=${data.days} />`
          : html`<${Empty}>No session has ended in these days.<//>`
      }`
    }
  `;
}

function Sums({ rows }) {
  const all = total("all", rows);
  return html`
    <dl class="figures">
      <div><dt>Cost</dt><dd title=${all.cost}>${cost(all)}</dd></div>
      <div><dt>Sessions</dt><dd>${count(all.sessions)}</dd></div>
      <div><dt>Time</dt><dd>${seconds(all.seconds)}</dd></div>
      ${all.unpriced > 0 && html`<div><dt>Without a known cost</dt><dd>${count(all.unpriced)}</dd></div>`}
    </dl>
    <p class="hint">Sessions that were refused, or whose client left before they were open, are counted,
      too. Each day, gateway and provider opens to what was used of it.</p>
    <div class="columns">
      <${Group} title="By day" by="day" rows=${rows} order=${NEWEST} />
      <div>
        <${Group} title="By gateway" by="gateway" rows=${rows} />
        <${Group} title="By provider" by="provider" rows=${rows} />
        <section><h2>Used</h2><${Units} usage=${all.usage} /></section>
      </div>
    </div>
  `;
}

function total(name, rows) {
  const usage = new Map();
  for (const row of rows) {
    for (const [unit, value] of Object.entries(row.usage)) {
      usage.set(unit, (usage.get(unit) ?? 0) + Number(value));
    }
  }
  const add = (key) => rows.reduce((so, row) => so + row[key], 0);
  const known = rows.map((row) => row.cost).filter((each) => each != null);
  return {
    name,
    sessions: add("sessions"),
    seconds: add("seconds"),
    unpriced: add("unpriced"),
    cost: known.length ? sum(known) : null,
    usage,
  };
}

/** What is known is the least that it can have been. */
const cost = ({ cost: known, unpriced }) =>
  known != null && unpriced ? `≥ ${money(known)}` : money(known);

const exactly = ({ cost: known, unpriced }) =>
  unpriced ? `${plural(unpriced, "session")} without a known cost` : known;

const COLUMNS = [
  ["Sessions", "number"],
  ["Time", "number wide"],
  ["Cost", "number"],
];
const NEWEST = (one, other) => (one.name < other.name ? 1 : -1);
const DEAREST = (one, other) => Number(other.cost) - Number(one.cost);

/** Each row opens to what its sessions used. */
function Group({ title, by, rows, order = DEAREST }) {
  const [opened, setOpened] = useState(new Set());
  const turn = (name) => {
    const now = new Set(opened);
    if (!now.delete(name)) now.add(name);
    setOpened(now);
  };
  const groups = new Map();
  for (const row of rows) groups.set(row[by], [...(groups.get(row[by]) ?? []), row]);
  const sums = [...groups].map(([name, its]) => total(name || "none", its)).sort(order);
  const most = Math.max(...sums.map((each) => Number(each.cost)), 0);
  return html`<section>
    <h2>${title}</h2>
    <table class="plain sums">
      <${Heads} columns=${[[sentence(by)], ...COLUMNS]} />
      <tbody>${sums.map(
        (each) => html`<${Fragment} key=${each.name}>
          <tr>
            <th scope="row"><button type="button" class="opener" aria-expanded=${opened.has(each.name)}
              onClick=${() => turn(each.name)}>${each.name}</button>
              <${Share} part=${most && Number(each.cost) / most} /></th>
            <td class="number">${count(each.sessions)}</td>
            <td class="number wide">${seconds(each.seconds)}</td>
            <td class="number" title=${exactly(each)}>${cost(each)}</td>
          </tr>
          ${
            opened.has(each.name) &&
            html`<tr class="used"><td colspan=${COLUMNS.length + 1}>
            <${Units} usage=${each.usage} /></td></tr>`
          }
        <//>`,
      )}</tbody>
    </table>
  </section>`;
}

function Units({ usage }) {
  if (!usage.size) return html`<p class="hint">Nothing that is metered.</p>`;
  return html`<${Facts} facts=${[...usage].map(([unit, value]) => [words(unit), count(value)])} />`;
}
