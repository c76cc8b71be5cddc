// A table of sessions: headers that sort, rows that keys reach and open, and a focus that stays with
// its session when rows come, go and change places.

import { fragment, usePlace } from "./fragment.js";
import { useKeys } from "./keys.js";
import { html, useLayoutEffect, useRef } from "./libraries.js";

/**
 * @param caption what it is a table of, for those who do not see it
 * @param columns each {key, label, cell(row)}, and if it applies sort (what to ask the relay for),
 *   number (aligned right), wide or narrow (only on such screens), main (holds the row's link)
 * @param rows what `columns` show; each has an id
 * @param order {sort, descending}, or undefined where nothing sorts
 * @param onOrder called with a new order
 * @param onEnd called with a row when `e` is pressed on it, if it can be ended
 */
export function Table({ caption, columns, rows, order, onOrder, onEnd }) {
  const body = useRef(null);
  const place = usePlace(() => ({ row: focused.current, scroll: scrollY }));
  const focused = useKeptFocus(body, place?.row);
  useLayoutEffect(() => {
    if (place) scrollTo(0, place.scroll);
  }, []);
  const step = (by) => {
    const links = [...body.current.querySelectorAll("a.row")];
    const at = links.indexOf(document.activeElement);
    const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), links.length - 1);
    links[next]?.focus();
    links[next]?.closest("tr").scrollIntoView({ block: "nearest" });
    return links.length > 0;
  };
  const inside = () => body.current.contains(document.activeElement);
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => inside() && step(1),
    ArrowUp: () => inside() && step(-1),
    e: () => {
      const row = inside() && rows.find(({ id }) => id === focused.current?.id);
      if (row && onEnd) onEnd(row);
      return Boolean(row);
    },
  });
  const open = (event) => {
    const link = event.currentTarget.querySelector("a.row");
    if (getSelection()?.toString() || event.target.closest("a")) return;
    link.focus({ preventScroll: true });
    link.click();
  };
  return html`<table class="sessions">
    <caption class="unseen">${caption}</caption>
    <thead>
      <tr>${columns.map(
        (column) => html`<${Header} key=${column.key} ...${{ column, order, onOrder }} />`,
      )}</tr>
    </thead>
    <tbody ref=${body}>
      ${rows.map(
        (row) => html`<tr key=${row.id} onClick=${open}>
          ${columns.map((column) => html`<${Cell} key=${column.key} ...${{ column, row }} />`)}
        </tr>`,
      )}
    </tbody>
  </table>`;
}

const ARROWS = { ascending: "↑", descending: "↓" };

function Header({ column, order, onOrder }) {
  const style = classes(column);
  if (!column.sort || !order) return html`<th scope="col" class=${style}>${column.label}</th>`;
  const sorted = order.sort === column.sort;
  const direction = order.descending ? "descending" : "ascending";
  const turn = () =>
    onOrder({ sort: column.sort, descending: sorted ? !order.descending : !column.ascending });
  return html`<th scope="col" class=${style} aria-sort=${sorted ? direction : "none"}>
    <button type="button" class="sort" onClick=${turn}>
      ${column.label}<span class="arrow" aria-hidden="true">${sorted && ARROWS[direction]}</span>
    </button>
  </th>`;
}

function Cell({ column, row }) {
  const content = column.cell(row);
  if (!column.main) return html`<td class=${classes(column)}>${content}</td>`;
  return html`<td class=${classes(column)}>
    <a class="row" href=${fragment("sessions", row.id)} data-id=${row.id}>${content}</a>
  </td>`;
}

const classes = ({ key, number, wide, narrow }) =>
  [`c-${key}`, number && "number", wide && "wide", narrow && "narrow"].filter(Boolean).join(" ");

/**
 * Browsers drop the focus of what is moved or removed: give it back, or to what took its place.
 *
 * @param first the row that is to have it at first
 * @returns a reference to {id, at} of the row that has it
 */
function useKeptFocus(body, first = null) {
  const focused = useRef(first);
  const rendering = useRef(false);
  rendering.current = true;
  useLayoutEffect(() => {
    rendering.current = false;
    const links = [...body.current.querySelectorAll("a.row")];
    const has = (link) => link === document.activeElement;
    if (focused.current && document.activeElement === document.body) {
      const { id, at } = focused.current;
      const same = links.find((link) => link.dataset.id === id);
      (same ?? links[Math.min(at, links.length - 1)])?.focus({ preventScroll: true });
    }
    const at = links.findIndex(has);
    focused.current = at < 0 ? null : { id: links[at].dataset.id, at };
  });
  useLayoutEffect(() => {
    const place = body.current;
    const entered = ({ target }) => {
      const links = [...place.querySelectorAll("a.row")];
      const at = links.indexOf(target);
      if (at >= 0) focused.current = { id: target.dataset.id, at };
    };
    const left = () => {
      if (!rendering.current) focused.current = null;
    };
    place.addEventListener("focusin", entered);
    place.addEventListener("focusout", left);
    return () => {
      place.removeEventListener("focusin", entered);
      place.removeEventListener("focusout", left);
    };
  }, []);
  return focused;
}
