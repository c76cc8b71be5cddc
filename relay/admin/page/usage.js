// What a session used and what that cost, in all and turn by turn.

import { count, money, plural, seconds, words } from "./format.js";
import { html } from "./libraries.js";
import { Heads } from "./pieces.js";
import { Badge } from "./states.js";

const MOST_TURNS = 200; // rows
const MISSING = {
  "not metered": "this endpoint is not metered",
  "not reported": "the provider did not state all of it",
  compressed: "the messages were compressed, and could not be read",
  failed: "the provider's usage could not be read",
  "not measured": "nobody keeps records",
};

export function Usage({ session, live }) {
  const missing = session.usage_missing && MISSING[session.usage_missing];
  const works = session.usage ?? [];
  if (!works.length) {
    const nothing = live ? "Known when the session has ended." : "None.";
    return html`<p class="hint">${missing ? `Not known: ${missing}.` : nothing}</p>`;
  }
  return html`<table class="plain">
    <${Heads} columns=${[["Model"], ["Unit"], ["Count", "number"]]} />
    ${works.map(
      ({ model, usage, cost }) => html`<tbody key=${model}>
      ${Object.entries(usage).map(
        ([unit, value], number) => html`<tr key=${unit}>
        <td>${number ? "" : (model ?? "not named")}</td><td>${words(unit)}</td>
        <td class="number">${count(Number(value))}</td></tr>`,
      )}
      <${Sum} cost=${cost} />
    </tbody>`,
    )}
    ${works.length > 1 && html`<tfoot><${Sum} of="all" cost=${session.cost} /></tfoot>`}
  </table>
  ${missing && html`<p class="hint">A part is not known: ${missing}.</p>`}
  ${session.prices && html`<p class="hint">By the prices of ${session.prices}.</p>`}`;
}

const Sum = ({ of, cost }) => html`<tr class="sum"><td>${of}</td><td>cost</td>
  <td class="number" title=${cost}>${cost == null ? "not known" : money(cost)}</td></tr>`;

const TURN = [
  ["Turn", "number"],
  ["Began", "number"],
  ["First audio after", "number"],
  ["Lasted", "number"],
  ["How it ended"],
  ["Cost", "number"],
];
const since = (time, { began }) => seconds(time == null ? null : time - began);
const how = ({ ended }) => (ended == null ? "not yet" : "completed");

export function TurnTable({ session: { turns, turns_dropped: dropped } }) {
  const first = turns.slice(0, MOST_TURNS);
  const left = turns.length - first.length + dropped;
  return html`<table class="plain turns">
    <${Heads} columns=${TURN} />
    <tbody>${first.map(
      (turn, number) => html`<tr key=${number}>
      <td class="number">${number + 1}</td>
      <td class="number">${seconds(turn.began)}</td>
      <td class="number">${since(turn.first_audio, turn)}</td>
      <td class="number">${since(turn.ended, turn)}</td>
      <td>${turn.interrupted ? html`<${Badge} word="interrupted" />` : how(turn)}</td>
      <td class="number" title=${turn.cost}>${money(turn.cost)}</td></tr>`,
    )}</tbody>
  </table>
  ${left > 0 && html`<p class="hint">${plural(left, "more turn")} not shown.</p>`}`;
}
