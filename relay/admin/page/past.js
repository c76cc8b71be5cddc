// Sessions that have ended, the newest first, each with its ending in words.

import * as api from "./api.js";
import { Choice, SearchBox, gateways, providers } from "./filters.js";
import { count, moment, money, seconds } from "./format.js";
import { fragment, refine } from "./fragment.js";
import { html, useState } from "./libraries.js";
import { Empty, Trouble, sentence } from "./notices.js";
import { Pair } from "./pieces.js";
import { usePolling } from "./polling.js";
import { OUTCOMES, Badge } from "./states.js";
import { Table } from "./table.js";

const EVERY = 5; // seconds
const PAGE = 100; // rows; and as many more each time they are asked for
const MOST = 1000;
const SIDES = ["client", "provider", "relay"];

export function Past({ query, config }) {
  const [limit, setLimit] = useState(PAGE);
  const { gateway, provider, outcome, ended_by, model } = query;
  const wanted = { gateway, provider, outcome, ended_by, model, limit };
  const load = (signal) => api.past(wanted, signal);
  const every = limit > PAGE ? EVERY * 4 : EVERY;
  const { data, ...trouble } = usePolling(load, every, JSON.stringify(wanted));
  const open = (id) => {
    if (/^[0-9a-f-]{8,36}$/i.test(id)) location.hash = fragment("sessions", id);
  };
  const rows = data?.sessions ?? [];
  const filtered = gateway || provider || outcome || ended_by || model;
  return html`
    <h1 class="unseen">Sessions that have ended</h1>
    <${Trouble} ...${trouble} />
    <div class="filters" role="search" aria-label="Sessions that have ended">
      <${SearchBox} label="Model, or an id and Enter" value=${model ?? ""} onEnter=${open}
        onChange=${(text) => refine({ model: /^[0-9a-f-]{8,36}$/i.test(text) ? "" : text })} />
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
        <button type="button" onClick=${() => setLimit(limit + PAGE)}>Show more</button></p>`
      }`
    }
  `;
}

const COLUMNS = [
  {
    key: "began",
    label: "Began",
    wide: true,
    cell: (row) => html`<span title=${row.began_at}>${moment(row.began_at)}</span>`,
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
      html`<span class="how"><${Badge} word=${row.outcome} />
        <span>${sentence(row.explanation)}</span></span>`,
  },
  {
    key: "lasted",
    label: "Lasted",
    number: true,
    wide: true,
    cell: (row) => seconds(row.duration),
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
