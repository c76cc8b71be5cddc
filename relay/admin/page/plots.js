// The last hour in five plots. Colours are those of the style sheet, light or dark.

import * as api from "./api.js";
import { bytes, count, seconds } from "./format.js";
import { Plot, html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./libraries.js";
import { Trouble } from "./notices.js";
import { usePolling } from "./polling.js";

const EVERY = 10; // seconds: a step of the relay's
const HEIGHT = 180; // pixels
const MOST_REFUSALS = 5; // kinds that have a colour of their own
const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power);

const CODES = {
  // docs/refusals.md
  2000: "malformed",
  2001: "no such gateway",
  2003: "limit reached",
  2008: "no such provider",
  2009: "gateway token",
  2010: "not allowed",
  2040: "no stored key",
  2041: "no credential",
  2100: "provider unreachable",
  2101: "provider too slow",
  2102: "draining or full",
};
const COLOURS = ["--plot-1", "--plot-2", "--plot-3", "--plot-4", "--plot-5"];

export function Hour() {
  const { data, ...trouble } = usePolling(api.hour, EVERY);
  const dark = useDark();
  const plots = useMemo(() => (data ? prepare(data) : []), [data]);
  return html`
    <h1 class="unseen">The last hour</h1>
    <${Trouble} ...${trouble} />
    ${
      data &&
      html`<div class="plots ${trouble.error ? "stale" : ""}">
      ${plots.map((plot) => html`<${Figure} key=${plot.title} ...${{ plot, dark }} />`)}
    </div>`
    }
  `;
}

/** What each plot shows: its times, its lines, and how its values are written. */
function prepare(hour) {
  return describe(hour).map((plot) => ({ at: hour.at, ...plot }));
}

function describe(hour) {
  const per = (values) => values.map((value) => value / hour.step);
  return [
    {
      title: "Sessions",
      hint: "open at a time",
      write: count,
      lines: [{ label: "open", values: hour.sessions, fill: true }],
    },
    {
      title: "Openings and refusals",
      hint: "in each minute",
      write: count,
      stacked: true,
      ...byMinute(hour.at, [{ label: "opened", values: hour.openings }, ...refusals(hour)]),
    },
    {
      title: "Time to first audio",
      hint: "from the beginning of a turn",
      write: seconds,
      lines: percentiles(hour.first_audio),
    },
    {
      title: "Added latency",
      hint: "of the relay itself, per chunk",
      write: seconds,
      lines: percentiles(hour.added_latency),
    },
    {
      title: "Traffic",
      hint: "bytes a second",
      write: (value) => `${bytes(value)}/s`,
      steps: POWERS_OF_TWO,
      lines: [
        { label: "from clients", values: per(hour.bytes_in) },
        { label: "from providers", values: per(hour.bytes_out) },
      ],
    },
  ];
}

const percentiles = (by) => Object.entries(by).map(([label, values]) => ({ label, values }));

function refusals({ refusals: all, at }) {
  const total = ({ counts }) => counts.reduce((sum, value) => sum + value, 0);
  const most = [...all].sort((one, other) => total(other) - total(one));
  const lines = most.slice(0, MOST_REFUSALS - 1).map(({ by, status, code, counts }) => ({
    label: `${status || "no answer"}: ${by === "provider" ? "the provider" : (CODES[code] ?? code)}`,
    values: counts,
  }));
  const rest = most.slice(MOST_REFUSALS - 1);
  if (!rest.length) return lines;
  const others = at.map((_, step) => rest.reduce((sum, { counts }) => sum + counts[step], 0));
  return [...lines, { label: "other refusals", values: others }];
}

/** Steps of seconds are too thin for bars. */
function byMinute(at, lines) {
  const minutes = new Map();
  at.forEach((time, step) => {
    const minute = Math.floor(time / 60) * 60;
    minutes.set(minute, [...(minutes.get(minute) ?? []), step]);
  });
  const add = (values) =>
    [...minutes.values()].map((steps) => steps.reduce((sum, step) => sum + values[step], 0));
  return {
    at: [...minutes.keys()],
    lines: lines.map(({ label, values }) => ({ label, values: add(values) })),
  };
}

function Figure({ plot, dark }) {
  const place = useRef(null);
  const drawn = useRef(null);
  const shape = plot.lines.map(({ label }) => label).join("\n");
  const nothing = !plot.lines.some(({ values }) => values.some((value) => value));
  useLayoutEffect(() => {
    const built = new Plot(
      options(plot, () => drawn.current, place.current),
      columns(plot),
      place.current,
    );
    drawn.current = { plot, built };
    showLast(built);
    const watcher = new ResizeObserver(([{ contentRect }]) => {
      built.setSize({ width: Math.floor(contentRect.width), height: HEIGHT });
    });
    watcher.observe(place.current);
    return () => {
      watcher.disconnect();
      built.destroy();
    };
  }, [shape, dark]);
  useEffect(() => {
    drawn.current.plot = plot;
    drawn.current.built.setData(columns(plot));
    showLast(drawn.current.built);
  }, [plot]);
  return html`<figure class="plot">
    <figcaption><h2>${plot.title}</h2><span class="hint">${plot.hint}</span>
      <span class="unseen">${inWords(plot)}</span></figcaption>
    <div ref=${place} aria-hidden="true"></div>
    ${nothing && html`<p class="nothing">nothing in this hour</p>`}
  </figure>`;
}

/** uPlot's columns; stacked lines are sums, the highest first, so that the lower ones are seen. */
function columns({ at, lines, stacked }) {
  if (!stacked) return [at, ...lines.map(({ values }) => values)];
  let below = at.map(() => 0);
  const sums = lines.map(({ values }) => {
    below = below.map((value, step) => value + values[step]);
    return below;
  });
  return [at, ...sums.reverse()];
}

function options(plot, current, place) {
  const style = getComputedStyle(place);
  const colour = (name) => style.getPropertyValue(name).trim();
  const order = plot.stacked
    ? plot.lines.map((_, line) => plot.lines.length - 1 - line)
    : plot.lines.map((_, line) => line);
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  const write = (value) => (value == null ? "–" : plot.write(value));
  return {
    width: Math.max(Math.floor(place.clientWidth), 200),
    height: HEIGHT,
    padding: [10, 18, 0, 0],
    legend: {
      markers: { width: 0, fill: (_, line) => line > 0 && colour(COLOURS[order[line - 1]]) },
    },
    cursor: { sync: { key: "hour" }, y: false, drag: { x: false, y: false }, points: { size: 6 } },
    hooks: { setCursor: [(built) => built.cursor.idx == null && showLast(built)] },
    scales: {
      x: { time: true, range: (built) => anHour(built.data[0].at(-1)) },
      y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] },
    },
    axes: [
      { ...axis, values: (_, ticks) => ticks.map((tick) => clock(tick)), size: 28 },
      {
        ...axis,
        values: (_, ticks) => ticks.map(write),
        size: 76,
        ...(plot.steps && { incrs: plot.steps }),
      },
    ],
    series: [
      { label: "at", value: (_, value) => (value == null ? "–" : clock(value, true)) },
      ...order.map((line) => {
        const shade = colour(COLOURS[line]);
        return {
          label: plot.lines[line].label,
          stroke: shade,
          width: plot.stacked ? 0 : 1.5,
          fill: plot.stacked ? shade : plot.lines[line].fill ? colour("--plot-fill") : undefined,
          paths: plot.stacked ? Plot.paths.bars({ size: [1, 12], gap: 0 }) : undefined,
          // Those between gaps uPlot shows by itself.
          points: { show: ({ data }) => !plot.stacked && data[0].length === 1, size: 4 },
          value: (_, __, ___, step) => write(current()?.plot.lines[line].values[step ?? -1]),
        };
      }),
    ],
  };
}

/** Whether the page is dark, from now on. */
function useDark() {
  const scheme = useMemo(() => matchMedia("(prefers-color-scheme: dark)"), []);
  const [dark, set] = useState(scheme.matches);
  useEffect(() => {
    const changed = () => set(scheme.matches);
    scheme.addEventListener("change", changed);
    return () => scheme.removeEventListener("change", changed);
  }, []);
  return dark;
}

/** The whole hour up to then (not to uPlot's maximum, which of one value alone is a day later),
    though the relay may have begun in it. */
function anHour(end) {
  const to = end ?? Date.now() / 1000;
  return [to - 3600, to];
}

function clock(time, exact = false) {
  const style = { hour: "2-digit", minute: "2-digit", ...(exact && { second: "2-digit" }) };
  return new Date(time * 1000).toLocaleTimeString("en-GB", style);
}

/** While nobody points at anything, the legend says what is now. */
function showLast(built) {
  built.setLegend({ idx: built.data[0].length - 1 }, false);
}

function inWords({ lines, write }) {
  return lines
    .map(({ label, values }) => {
      const known = values.filter((value) => value != null);
      if (!known.length) return `${label}: nothing.`;
      return `${label}: ${write(known.at(-1))} at last, ${write(Math.max(...known))} at most.`;
    })
    .join(" ");
}
