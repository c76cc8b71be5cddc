// What the page asks of the relay. Everything it is told is data: it is shown as text alone.

const TIMEOUT = 20_000; // ms; the store has 15 s
const PASSING = new Set([408, 429]);
const SECRET = "relay"; // where what a login answered with is kept: unlike its cookie, by port

/** The relay answered, and refused. */
export class Refused extends Error {
  constructor(status, sentence, retryAfter) {
    super(sentence);
    this.status = status;
    this.retryAfter = retryAfter; // seconds, or null
  }

  /** Whether the same question gets the same answer (RFC 9110 15.5), but for those of the moment. */
  get isFinal() {
    return this.status >= 400 && this.status < 500 && !PASSING.has(this.status);
  }
}

/** The relay did not answer. */
export class Away extends Error {
  constructor() {
    super("the relay does not answer");
  }
}

/** Called when the relay no longer knows who asks. */
let loggedOut = () => {};
export function onLoggedOut(listener) {
  loggedOut = listener;
}

async function ask(path, { method = "GET", body, signal } = {}) {
  const signals = [AbortSignal.timeout(TIMEOUT), ...(signal ? [signal] : [])];
  const headers = { "X-Relay": localStorage.getItem(SECRET) ?? "" };
  if (method !== "GET") headers["Content-Type"] = "application/json";
  let answer;
  let value;
  try {
    answer = await fetch(path, {
      method,
      headers,
      body: body && JSON.stringify(body),
      signal: AbortSignal.any(signals),
      redirect: "error",
    });
    const text = await answer.text();
    value = text ? JSON.parse(text) : null;
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Away();
  }
  if (answer.ok) return value;
  if (answer.status === 401 && path !== "/api/login") loggedOut();
  const retryAfter = Number(answer.headers.get("Retry-After")) || null;
  throw new Refused(answer.status, value?.error ?? `status ${answer.status}`, retryAfter);
}

function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "" && value != null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

const of = (id) => `/api/sessions/${encodeURIComponent(id)}`;

export const status = (signal) => ask("/api/status", { signal });
export async function logIn(token) {
  const { x_relay: secret } = await ask("/api/login", { method: "POST", body: { token } });
  localStorage.setItem(SECRET, secret);
}
export const logOut = () => ask("/api/logout", { method: "POST" });
export const config = (signal) => ask("/api/config", { signal });
export const live = (wanted, signal) => ask(`/api/sessions/live${query(wanted)}`, { signal });
export const past = (wanted, signal) => ask(`/api/sessions${query(wanted)}`, { signal });
export const session = (id, signal) => ask(of(id), { signal });
export const hour = (signal) => ask("/api/hour", { signal });
export const totals = (wanted, signal) => ask(`/api/totals${query(wanted)}`, { signal });
export const end = (id, reason) => ask(`${of(id)}/end`, { method: "POST", body: { reason } });
export const drain = (restart) => ask("/api/drain", { method: "POST", body: { restart } });
