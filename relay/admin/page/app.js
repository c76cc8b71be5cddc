// The whole page: who asks, where they are, and what they are told above all else.

import * as api from "./api.js";
import { Away } from "./api.js";
import { useFragment, fragment, goBack, leadHome } from "./fragment.js";
import { Help, useKeys } from "./keys.js";
import { html, useEffect, useState } from "./libraries.js";
import { Live } from "./live.js";
import { Login } from "./login.js";
import { Frame, Trouble } from "./notices.js";
import { Past } from "./past.js";
import { Hour } from "./plots.js";
import { usePolling } from "./polling.js";
import { Relay } from "./relay.js";
import { Session } from "./session.js";
import { Totals } from "./totals.js";

const VIEWS = [
  ["live", "Live", Live],
  ["ended", "Ended", Past],
  ["hour", "Last hour", Hour],
  ["totals", "Usage", Totals],
  ["relay", "Relay", Relay],
];

const SESSIONS = [["sessions", "Session", Session]]; // each has an id

const EVERY = 10; // seconds
const WHILE_DRAINING = 2;

export function App() {
  const [draining, drains] = useState(false); // it may end before it has said so
  const status = usePolling(api.status, draining ? WHILE_DRAINING : EVERY);
  useEffect(() => drains(status.data?.draining ?? false), [status.data]);
  const [known, setKnown] = useState(null); // whether somebody is logged in; null: as status says
  useEffect(() => api.onLoggedOut(() => setKnown(false)), []);
  if (status.data === null) {
    return html`<main class="login"><${Trouble} ...${status} /></main>`;
  }
  if (!(known ?? status.data.logged_in)) {
    const entered = () => {
      setKnown(true);
      status.again();
    };
    return html`<${Login} status=${status.data} onEntered=${entered} />`;
  }
  const leave = async () => {
    await api.logOut().catch(() => {}); // the relay may be gone, and the login with it
    setKnown(false);
  };
  return html`<${Shell} onLeave=${leave} draining=${draining} onDrained=${() => drains(true)}
    ...${status} />`;
}

function Shell({ onLeave, draining, onDrained, ...trouble }) {
  const isAway = trouble.error instanceof Away;
  const { view, id, query } = useFragment();
  const [help, showHelp] = useState(false);
  const config = usePolling(api.config, Infinity);
  const to = Object.fromEntries(
    VIEWS.map(([name], at) => [
      String(at + 1),
      () => {
        location.hash = fragment(name);
      },
    ]),
  );
  useKeys({ ...to, "?": () => showHelp(true), Escape: () => Boolean(id) && goBack() });
  const found = (id ? SESSIONS : VIEWS).find(([name]) => name === view);
  const [, title, View] = found ?? VIEWS[0];
  useEffect(() => {
    if (!found) leadHome();
    document.title = `${title} – relay`;
  }, [found, title]);
  return html`
    <a class="skip" href="#main" onClick=${skip}>Skip to the content</a>
    <header class="top">
      <a class="mark" href=${fragment("live")}><img src="/page/icon.svg" alt="" />relay</a>
      <nav aria-label="Views">
        ${VIEWS.map(
          ([name, label]) => html`<a key=${name} href=${fragment(name)}
          aria-current=${name === view ? "page" : undefined}>${label}</a>`,
        )}
      </nav>
      <div class="end">
        <button type="button" class="plain" aria-label="Keys" onClick=${() => showHelp(true)}>
          ?</button>
        <button type="button" class="plain" onClick=${onLeave}>Log out</button>
      </div>
    </header>
    <${Trouble} ...${trouble} draining=${draining} />
    ${
      draining &&
      !isAway &&
      html`<p class="notice warn" role="status">
      The relay is draining: it opens no more sessions, and ends when the last one has.</p>`
    }
    <main id="main" tabindex="-1">
      <${Frame} value=${isAway}>
        <${View} key=${`${view} ${id}`} ...${{ id, query, config: config.data, draining, onDrained }} />
      <//>
    </main>
    ${help && html`<${Help} onClose=${() => showHelp(false)} />`}
  `;
}

function skip(event) {
  event.preventDefault(); // the fragment says which view it is
  document.getElementById("main").focus();
}
