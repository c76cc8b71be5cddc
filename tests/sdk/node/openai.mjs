// openai: Realtime in each of its classes, transcription, translations, Live and Responses.

import "./websocket.mjs";

import OpenAI from "openai";
import { OpenAIRealtimeWebSocket as BetaRealtimeWebSocket } from "openai/beta/realtime/websocket";
import { OpenAIRealtimeWS as BetaRealtimeWS } from "openai/beta/realtime/ws";
import { OpenAIRealtimeTranslationWS } from "openai/realtime/translations/ws";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { ResponsesWS as BetaResponsesWS } from "openai/resources/beta/responses/ws";
import { ForksWS } from "openai/resources/live/forks/ws";
import { SidebandWS } from "openai/resources/live/sideband/ws";
import { LiveWS } from "openai/resources/live/ws";
import { ResponsesWS } from "openai/resources/responses/ws";

import { converse, respond, speech } from "./openai_turns.mjs";
import { Closed, OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, run, size } from "./program.mjs";

function makeClient() {
  if (OWN) {
    // -- docs: begin
    return new OpenAI({
      baseURL: `${RELAY_URL}/openai`,
      apiKey: PROVIDER_KEY,
      defaultHeaders: { "cf-aig-authorization": RELAY_TOKEN },
    });
    // -- docs: end
  }
  // -- docs: begin
  return new OpenAI({ baseURL: `${RELAY_URL}/openai`, apiKey: RELAY_TOKEN });
  // -- docs: end
}

const client = makeClient();

function transcribe() {
  return new Promise((resolve, reject) => {
    const rt = new OpenAIRealtimeWS({ intent: "transcription" }, client);
    let text = "";
    rt.on("session.created", () => {
      const transcription = { model: "gpt-4o-transcribe" };
      rt.send({
        type: "session.update",
        session: { type: "transcription", audio: { input: { transcription } } },
      });
    });
    rt.on("session.updated", () => {
      rt.send({ type: "input_audio_buffer.append", audio: speech() });
      rt.send({ type: "input_audio_buffer.commit" });
    });
    rt.on("conversation.item.input_audio_transcription.completed", (event) => {
      text = event.transcript;
      rt.close();
    });
    rt.on("error", reject);
    rt.socket.addEventListener("close", (event) => {
      if (text) resolve({ text, close: event.code });
      else reject(new Closed(event));
    });
  });
}

async function translate() {
  const rt = await OpenAIRealtimeTranslationWS.create(client, { model: "gpt-realtime-translate" });
  let audio = 0;
  let text = "";
  const translated = new Promise((resolve, reject) => {
    rt.on("session.created", () =>
      rt.send({ type: "session.input_audio_buffer.append", audio: speech() }),
    );
    rt.on("session.output_transcript.delta", ({ delta }) => (text += delta));
    rt.on("session.output_audio.delta", ({ delta }) => {
      audio += size(delta);
      resolve();
    });
    // The SDK's own error says only that the transport failed.
    rt.on("error", (error) => reject(error.cause ?? error));
  });
  await translated;
  await rt.finish({ timeoutMs: 10000 }); // session.close, session.closed, and the close
  return { audio, text };
}

/** Hear a Live session, and end it after its first answer. */
function hear(ws) {
  return new Promise((resolve, reject) => {
    let audio = 0;
    let text = "";
    let last = "";
    ws.on("session.output_audio.delta", ({ delta }) => (audio += size(delta)));
    ws.on("session.output_transcript.delta", ({ delta }) => (text += delta));
    ws.on("session.usage.updated", () => ws.send({ type: "session.close" }));
    ws.on("session.closed", ({ type }) => (last = type));
    ws.on("error", reject);
    ws.on("close", (code, reason) => {
      if (last) resolve({ audio, text, last, close: code });
      else reject(new Closed({ code, reason }));
    });
  });
}

/** Start a Live session; its configuration as the API has it. */
function start(ws, session) {
  return new Promise((resolve, reject) => {
    ws.send({ type: "session.start", session }); // queued until it opens
    ws.on("session.started", (event) => resolve(event.session));
    ws.on("error", reject);
    ws.on("close", (code, reason) => reject(new Closed({ code, reason })));
  });
}

async function speak() {
  const ws = new LiveWS(client);
  ws.on("session.started", () => ws.send({ type: "session.input_audio.append", audio: speech() }));
  const [facts] = await Promise.all([hear(ws), start(ws, { model: "gpt-live" })]);
  return facts;
}

/** Attach to a running session, hear it, and end it from there. */
async function attach() {
  const ws = new LiveWS(client);
  const { id } = await start(ws, { model: "gpt-live" });
  const sideband = new SidebandWS(client, { session_id: id });
  sideband.socket.once("open", () =>
    ws.send({ type: "session.input_audio.append", audio: speech() }),
  );
  return hear(sideband);
}

/** Begin a session with the configuration of another. */
async function fork() {
  const ws = new LiveWS(client);
  const { id } = await start(ws, { model: "gpt-live", store: true });
  const forked = new ForksWS(client, { session_id: id });
  const [facts] = await Promise.all([hear(forked), start(forked, {})]);
  ws.close();
  return facts;
}

const model = "gpt-realtime";
await run({
  realtime: () => converse(new OpenAIRealtimeWS({ model }, client)),
  "realtime in browsers": () => converse(new OpenAIRealtimeWebSocket({ model }, client)),
  "beta realtime": () => converse(new BetaRealtimeWS({ model }, client), "response.audio"),
  // The class for browsers does not ask for the beta, and so gets the names of GA.
  "beta realtime in browsers": () => converse(new BetaRealtimeWebSocket({ model }, client)),
  transcription: transcribe,
  translations: translate,
  live: speak,
  "live sideband": attach,
  "live fork": fork,
  responses: () => respond(new ResponsesWS(client)),
  "beta responses": () => respond(new BetaResponsesWS(client)),
});
