// Sessions that have ended, the last one first, each with its ending in words.

import * as api from "./api.js";
import { Choice, SearchBox, gateways, providers } from "./filters.js";
import { count, moment, money, seconds } from "./format.js";
import { refine } from "./fragment.js";
import { html } from "./libraries.js";
import { Empty, Trouble, sentence, useAway } from "./notices.js";
import { Pair } from "./pieces.js";
import { usePolling } from "./polling.js";
import { OUTCOMES, Badge, tone } from "./states.js";
import { Table } from "./table.js";

const EVERY = 5; // seconds
const PAGE = 100; // rows; and as many more each time they are asked for
const MOST = 1000;
const SIDES = ["client", "provider", "relay"];
const UNOPENED = new Set(["refused", "abandoned"]);

export function Past({ query, config }) {
  const isAway = useAway();
  const { gateway, provider, outcome, ended_by, q } = query;
  const limit = Math.min(Number(query.limit) || PAGE, MOST);
  const wanted = { gateway, provider, outcome, ended_by, q, limit };
  const load = (signal) => api.past(wanted, signal);
  const every = limit > PAGE ? EVERY * 4 : EVERY;
  const { data, ...trouble } = usePolling(load, every, JSON.stringify(wanted));
  const rows = data?.sessions ?? [];
  const filtered = gateway || provider || outcome || ended_by || q;
  return html`
    <h1 class="unseen">Sessions that have ended</h1>
    <${Trouble} ...${trouble} />
    <div class="filters" role="search" aria-label="Sessions that have ended">
      <${SearchBox} label="Id, token, model or address" value=${q ?? ""}
        onChange=${(text) => refine({ q: text })} />
      <${Choice} name="gateway" label="Gateway" options=${gateways(config)} value=${gateway} />
      <${Choice} name="provider" label="Provider" options=${providers(config)} value=${provider} />
      <${Choice} name="outcome" label="Outcome" options=${OUTCOMES} value=${outcome} />
      <${Choice} name="ended_by" label="Ended by" options=${SIDES} value=${ended_by} />
    </div>
    ${
      data &&
      html`<p class="matches">The last ${count(rows.length)}${filtered ? " that match" : ""}</p>
      ${
        rows.length
          ? html`<div class=${trouble.error ? "stale" : ""}>
            <${Table} caption="Sessions that have ended" columns=${COLUMNS} rows=${rows} /></div>`
          : html`<${Empty}>${filtered ? "No session matches these filters." : "No session has ended yet."}<//>`
      }
      ${
        rows.length === limit &&
        limit < MOST &&
        html`<p class="more">
        <button type="button" disabled=${isAway} onClick=${() => refine({ limit: String(limit + PAGE) })}>Show more</button></p>`
      }`
    }
  `;
}

const COLUMNS = [
  {
    key: "ended",
    label: "Ended",
    wide: true,
    cell: (row) =>
      html`<${Pair} first=${moment(row.ended_at)} second=${`began ${moment(row.began_at)}`}
        title=${`${row.began_at} to ${row.ended_at}`} />`,
  },
  {
    key: "session",
    label: "Session",
    main: true,
    cell: (
      row,
    ) => html`<${Pair} first=${row.provider || "no provider"} second=${row.model ?? row.endpoint}
      title=${row.id} />`,
  },
  {
    key: "gateway",
    label: "Gateway",
    wide: true,
    cell: (row) =>
      html`<${Pair} first=${row.gateway} second=${row.token ?? "no token"} title=${row.gateway} />`,
  },
  {
    key: "how",
    label: "How it ended",
    cell: (row) =>
      html`<span class="how"><${Badge} word=${row.outcome} tone=${tone(row)} />
        <span>${sentence(row.explanation)}</span></span>`,
  },
  {
    key: "lasted",
    label: "Lasted",
    number: true,
    wide: true,
    cell: (row) => (UNOPENED.has(row.outcome) ? "never opened" : seconds(row.duration)),
  },
  {
    key: "audio",
    label: "First audio",
    number: true,
    wide: true,
    cell: (row) => seconds(row.first_audio),
  },
  {
    key: "cost",
    label: "Cost",
    number: true,
    wide: true,
    cell: (row) => html`<span title=${row.cost}>${money(row.cost)}</span>`,
  },
];
