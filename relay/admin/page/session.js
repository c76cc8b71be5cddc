// One session: what it is, what happened, who ended it, what it used.

import * as api from "./api.js";
import { EndSession } from "./ending.js";
import { DASH, age, bytes, moment, plural, seconds } from "./format.js";
import { fragment } from "./fragment.js";
import { useKeys } from "./keys.js";
import { html, useEffect, useRef, useState } from "./libraries.js";
import { Empty, Trouble, sentence, useAway } from "./notices.js";
import { Facts, Heads, Section, name } from "./pieces.js";
import { usePolling } from "./polling.js";
import { Badge, tone } from "./states.js";
import { Opening, Timeline, Turns } from "./timeline.js";
import { TurnTable, Usage } from "./usage.js";

const EVERY = 2; // seconds, while it is live
const ID = /^[0-9a-f-]{1,36}$/i; // or the beginning of one
const NO_SUCH_ID = 404;
const OPERATOR = "operator"; // the cause of what an operator ended

export const Session = ({ id }) =>
  ID.test(id) ? html`<${Known} id=${id} />` : html`<${Back} /><${Nothing} />`;

const Nothing = () =>
  html`<${Empty}>There is no session, or more than one, of such an id.<//>`;

function Known({ id }) {
  const [ended, setEnded] = useState(false);
  const [ending, end] = useState(false);
  const isAway = useAway();
  const whole = useRef(id); // of which others may begin like it while one looks
  const load = async (signal) => {
    const found = await api.session(whole.current, signal);
    whole.current = found.session.id;
    return found;
  };
  const { data, ...trouble } = usePolling(load, ended ? Infinity : EVERY, id);
  useEffect(() => setEnded(data !== null && !data.live), [data]);
  const isForgotten = data?.live && trouble.error?.status === NO_SUCH_ID;
  const canEnd = data?.live && !isForgotten;
  useKeys({ e: () => canEnd && !isAway && end(true) });
  const title = useRef(null);
  const isThere = data !== null;
  useEffect(() => {
    if (!isThere) return;
    scrollTo(0, 0);
    title.current.focus();
  }, [isThere]);
  if (data === null) {
    return html`<${Back} />${
      trouble.error?.status === NO_SUCH_ID
        ? html`<${Nothing} />`
        : html`<${Trouble} ...${trouble} />`
    }`;
  }
  const { session, state, explanation, standing, timeline } = data;
  const live = data.live && !isForgotten;
  const colour = tone({ outcome: session.outcome, close_code: code(session) });
  return html`
    <${Back} />
    ${!isForgotten && html`<${Trouble} ...${trouble} />`}
    <article class="session">
      <header>
        <h1 ref=${title} tabindex="-1">${name(session) || "A refused session"}</h1>
        ${
          !isForgotten &&
          html`<${Badge} word=${live ? state : session.outcome} tone=${live ? state : colour} />`
        }
        ${!data.live && html`<span class="hint">by the ${who(session)}</span>`}
        ${
          canEnd &&
          html`<button type="button" class="danger quiet" aria-keyshortcuts="e"
          disabled=${isAway} onClick=${() => end(true)}>End session</button>`
        }
        ${
          isForgotten
            ? html`<p class="sentence">${FORGOTTEN}</p>`
            : html`<p class="sentence ${live ? "" : `is-${colour}`}">
          ${live ? running(session, state, standing) : `${sentence(explanation)}.`}</p>`
        }
      </header>
      <div class="columns">
        <${Section} id="happened" title="What happened">
          <${Opening} steps=${session.steps} />
          <${Turns} turns=${session.turns} duration=${session.duration} live=${live} />
          <${Timeline} moments=${timeline} explanation=${explanation} />
        <//>
        <div>
          <${Section} id="facts" title="Facts"><${Facts} facts=${facts(data)} /><//>
          <${Section} id="sides" title="Both sides"><${Sides} session=${session} /><//>
          <${Section} id="usage" title="Usage and cost">
            ${
              isForgotten
                ? html`<p class="hint">Not known.</p>`
                : html`<${Usage} session=${session} live=${live} />`
            }<//>
        </div>
      </div>
      ${
        session.turns.length > 0 &&
        html`<${Section} id="turns" title="Turns"><${TurnTable} session=${session} /><//>`
      }
    </article>
    ${
      ending &&
      html`<${EndSession} id=${session.id} name=${name(session)}
      onClose=${() => end(false)} onDone=${trouble.again} />`
    }
  `;
}

const Back = () => html`<nav class="back" aria-label="Sessions">
  <a href=${fragment("live")}>Live sessions</a>
  <a href=${fragment("ended")}>Ended sessions</a>
</nav>`;

function running({ duration }, state, standing) {
  if (state === "opening") return `Opening: ${standing}.`;
  return `${state === "closing" ? "Closing" : `Open for ${age(duration)}`}: ${standing}.`;
}

/** Who ended it; what an operator ends, the relay does for them. */
const who = ({ cause, ended_by: by }) => (cause === OPERATOR ? OPERATOR : by);

const FORGOTTEN =
  "It has ended, and the relay keeps no record of it. This is what was last seen of it, before its end.";

/** The code of the Close with which it ended, as rows have it. */
const code = ({ ended_by: by, client, provider_side: provider }) =>
  (by === "client" ? client : provider).close_code;

function facts({ session, live, added_latency: added }) {
  return [
    ["Id", html`<code class="id">${session.id}</code>`],
    ["Began", html`<span title=${session.began_at}>${moment(session.began_at)}</span>`],
    live ? null : ["Ended by", who(session)],
    live || session.status === 101
      ? null
      : ["Answer", session.status ? `HTTP ${session.status}` : "none"],
    session.code == null ? null : ["Code", String(session.code)],
    ["Gateway", session.gateway],
    ["Token", session.token ?? "none asked for"],
    ["Client", [session.client_address, session.user_agent].filter(Boolean).join(", ")],
    ["Provider", [session.provider, session.endpoint].filter(Boolean).join(" ")],
    session.upstream ? ["Upstream", session.upstream] : null,
    ["Model", session.model ?? "none named"],
    ["First message", seconds(session.first_message)],
    ["First audio", seconds(session.first_audio)],
    ["Added latency", added ? `p50 ${seconds(added.p50)}, p99 ${seconds(added.p99)}` : DASH],
    ["Lane", session.compressed ? `${session.lane}, compressed` : session.lane],
    session.trace_id ? ["Trace", html`<code class="id">${session.trace_id}</code>`] : null,
    ...Object.entries(session.metadata).map(([key, value]) => [`metadata: ${key}`, String(value)]),
  ].filter(Boolean);
}

function Sides({ session }) {
  const { client, provider_side: provider } = session;
  const row = (label, show) => html`<tr key=${label}><th scope="row">${label}</th>
    <td>${show(client)}</td><td>${show(provider)}</td></tr>`;
  return html`<table class="plain">
    <${Heads} columns=${[["Side"], ["Client"], ["Provider"]]} />
    <tbody>
      ${row("Sent", (side) => `${plural(side.messages, "message")}, ${bytes(side.bytes)}`)}
      ${row("Largest message", (side) => bytes(side.largest_message))}
      ${row("Waited for the other", (side) => seconds(side.waited))}
      ${row("Last active, after the 101", (side) => seconds(side.last_activity))}
      ${row("Closed with", (side) => closing(side.close_code, side.close_reason))}
      ${row("Was told", (side) => closing(side.told_code, side.told_reason))}
    </tbody>
  </table>`;
}

function closing(code, reason) {
  if (code == null) return "–";
  return code === 1005 ? "no code" : `${code} ${reason}`;
}
