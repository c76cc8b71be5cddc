// What several views are made of.

import { html } from "./libraries.js";

/** What a session is with, for people; its id says it to programs. */
export const name = ({ provider, model }) => (model ? `${provider} · ${model}` : provider);

/** Two lines in a cell. */
export const Pair = ({ first, second, title }) =>
  html`<span class="pair" title=${title}><span>${first}</span><small>${second}</small></span>`;

/** How much of a whole something is, from 0 to 1, as a bar beside the figure that says it. */
export const Share = ({ part }) =>
  html`<span class="share" aria-hidden="true"><span style=${{ width: `${100 * part}%` }}></span></span>`;

export const Section = ({ id, title, children }) =>
  html`<section aria-labelledby=${id}><h2 id=${id}>${title}</h2>${children}</section>`;

/** A list of labels and values. */
export const Facts = ({ facts }) => html`<dl class="facts">
  ${facts.map(([label, value]) => html`<div key=${label}><dt>${label}</dt><dd>${value}</dd></div>`)}
</dl>`;

/** The head of a table that nothing sorts: each column's label, and its classes. */
export const Heads = ({ columns }) => html`<thead><tr>
  ${columns.map(([label, style]) => html`<th key=${label} scope="col" class=${style}>${label}</th>`)}
</tr></thead>`;
