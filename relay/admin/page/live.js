// Sessions that are open, as they run.

import * as api from "./api.js";
import { EndSession } from "./ending.js";
import { Choice, SearchBox, gateways, providers } from "./filters.js";
import { age, bytes, count, seconds } from "./format.js";
import { refine } from "./fragment.js";
import { useKeys } from "./keys.js";
import { html, useRef, useState } from "./libraries.js";
import { Empty, Trouble, useAway } from "./notices.js";
import { Pair, Share, name } from "./pieces.js";
import { usePolling } from "./polling.js";
import { STATES, Badge, doing } from "./states.js";
import { Table } from "./table.js";

const EVERY = 2; // seconds
const MOST = 100; // rows

export function Live({ query, config }) {
  const [paused, pause] = useState(false);
  const [ending, end] = useState(null);
  const isAway = useAway();
  const order = query.sort
    ? { sort: query.sort, descending: query.descending !== "false" }
    : { sort: "duration", descending: false };
  const wanted = {
    gateway: query.gateway,
    provider: query.provider,
    state: query.state,
    q: query.q,
    ...order,
    limit: MOST,
  };
  const rates = useRates();
  const load = async (signal) => rates(await api.live(wanted, signal));
  const { data, ...trouble } = usePolling(load, EVERY, JSON.stringify(wanted), paused);
  useKeys({ p: () => pause(!paused) });
  return html`
    <h1 class="unseen">Live sessions</h1>
    <${Trouble} ...${trouble} />
    <${States} data=${data} chosen=${query.state ?? ""} />
    <div class="filters" role="search" aria-label="Live sessions">
      <${SearchBox} label="Id, token, model or address" value=${query.q ?? ""}
        onChange=${(q) => refine({ q })} />
      <${Choice} name="gateway" label="Gateway" options=${gateways(config)}
        value=${query.gateway} />
      <${Choice} name="provider" label="Provider" options=${providers(config)}
        value=${query.provider} />
      <${Choice} name="state" label="State" options=${STATES} value=${query.state} />
      <${Sorting} order=${order} />
      <button type="button" class="pause" aria-pressed=${paused} onClick=${() => pause(!paused)}>
        ${paused ? "Paused" : "Pause"}</button>
    </div>
    ${
      data &&
      html`<p class="matches">${matches(data)}</p>
      ${
        data.sessions.length > 0
          ? html`<div class=${trouble.error ? "stale" : ""}>
            <${Table} caption="Live sessions" columns=${columns(order)} rows=${data.sessions} order=${order}
              onOrder=${sortBy} onEnd=${isAway ? undefined : end} />
          </div>`
          : html`<${Empty}>${
              data.total
                ? "No live session matches these filters."
                : "No session is open. One appears here as soon as a client connects."
            }<//>`
      }`
    }
    ${
      ending &&
      html`<${EndSession} id=${ending.id} name=${name(ending)} onClose=${() => end(null)}
      onDone=${trouble.again} />`
    }
  `;
}

const sortBy = ({ sort, descending }) => refine({ sort, descending: String(descending) });

const ORDERS = [
  ["the newest", "duration", false],
  ["the oldest", "duration", true],
  ["most from the client", "bytes_in", true],
  ["most from the provider", "bytes_out", true],
  ["most added latency", "added_latency", true],
  ["by state", "state", false],
  ["by provider", "provider", false],
  ["by gateway", "gateway", false],
];

/** For screens that are too narrow for the headers that sort. */
function Sorting({ order }) {
  const now = ORDERS.findIndex(
    ([, sort, descending]) => sort === order.sort && descending === order.descending,
  );
  const chosen = ({ target }) => {
    const [, sort, descending] = ORDERS[target.value];
    sortBy({ sort, descending });
  };
  return html`<select class="sorting" aria-label="Sort" value=${now} onChange=${chosen}>
    ${now < 0 && html`<option value="-1">Sort: as the address says</option>`}
    ${ORDERS.map(([label], at) => html`<option key=${at} value=${at}>Sort: ${label}</option>`)}
  </select>`;
}

function matches({ matching, total, sessions }) {
  const shown = sessions.length < matching ? `, ${count(sessions.length)} shown` : "";
  if (matching === total) return `${count(total)} live${shown}`;
  return `${count(matching)} of ${count(total)} match${shown}`;
}

/** All live sessions by state; a click filters. */
function States({ data, chosen }) {
  const counts = data?.states ?? {};
  const total = Math.max(data?.total ?? 0, 1);
  return html`<section class="states" aria-label="Live sessions by state">
    ${STATES.map(
      (state) => html`<button key=${state} type="button" class="state is-${state}"
      aria-pressed=${chosen === state}
      onClick=${() => refine({ state: chosen === state ? "" : state })}>
      <span class="figure">${data ? count(counts[state] ?? 0) : "–"}</span>
      <span class="word">${state}</span>
      <${Share} part=${(counts[state] ?? 0) / total} />
    </button>`,
    )}
  </section>`;
}

/** Bytes a second, from one answer to the next. */
function useRates() {
  const before = useRef(new Map());
  return (data) => {
    const now = Date.parse(data.now) / 1000;
    const seen = new Map();
    const sessions = data.sessions.map((row) => {
      const last = before.current.get(row.id);
      seen.set(row.id, { now, in: row.bytes_in, out: row.bytes_out });
      const passed = last ? now - last.now : 0;
      if (passed <= 0) return row;
      const rate = (bytes, then) => Math.max(bytes - then, 0) / passed;
      return {
        ...row,
        rate_in: rate(row.bytes_in, last.in),
        rate_out: rate(row.bytes_out, last.out),
      };
    });
    before.current = seen;
    return { ...data, sessions };
  };
}

const rate = (value) => (value ? `${bytes(value)}/s` : "");

const COLUMNS = [
  {
    key: "state",
    label: "State",
    sort: "state",
    ascending: true,
    cell: (row) =>
      html`<${Pair} first=${html`<${Badge} word=${row.state} />`} second=${doing(row)} />`,
  },
  {
    key: "session",
    label: "Session",
    sort: "provider",
    ascending: true,
    main: true,
    cell: (row) =>
      html`<${Pair} first=${row.provider} second=${row.model ?? row.endpoint} title=${row.id} />`,
  },
  {
    key: "gateway",
    label: "Gateway",
    sort: "gateway",
    ascending: true,
    wide: true,
    cell: (row) =>
      html`<${Pair} first=${row.gateway} second=${row.token ?? "no token"} title=${row.gateway} />`,
  },
  { key: "client", label: "Client", wide: true, cell: (row) => row.client_address },
  {
    key: "age",
    label: "Age",
    sort: "duration",
    ascending: true,
    number: true,
    cell: (row) => html`<span title=${row.began_at}>${age(row.duration)}</span>`,
  },
  {
    key: "both",
    label: "Traffic",
    narrow: true,
    number: true,
    cell: (row) =>
      html`<${Pair} first=${`↑ ${bytes(row.bytes_in)}`} second=${`↓ ${bytes(row.bytes_out)}`} />`,
  },
  {
    key: "in",
    label: "From client",
    sort: "bytes_in",
    number: true,
    wide: true,
    cell: (row) => html`<${Pair} first=${bytes(row.bytes_in)} second=${rate(row.rate_in)}
      title=${`${count(row.messages_in)} messages, ${count(row.bytes_in)} bytes`} />`,
  },
  {
    key: "out",
    label: "From provider",
    sort: "bytes_out",
    number: true,
    wide: true,
    cell: (row) => html`<${Pair} first=${bytes(row.bytes_out)} second=${rate(row.rate_out)}
      title=${`${count(row.messages_out)} messages, ${count(row.bytes_out)} bytes`} />`,
  },
  {
    key: "latency",
    label: "Added latency",
    sort: "added_latency",
    number: true,
    wide: true,
    cell: ({ added_latency: added }) =>
      added
        ? html`<${Pair} first=${seconds(added.p50)} second=${`p99 ${seconds(added.p99)}`} />`
        : "–",
  },
];

/** On a narrow screen the latency stands in the place of the traffic, if it sorts. */
const columns = ({ sort }) =>
  sort === "added_latency" ? COLUMNS.filter(({ key }) => key !== "both").map(everywhere) : COLUMNS;

const everywhere = (column) => (column.key === "latency" ? { ...column, wide: false } : column);
