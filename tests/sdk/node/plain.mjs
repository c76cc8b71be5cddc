// No SDK: the package ws, and the WebSocket of browsers, for APIs whose provider has no SDK for
// them, or one that a gateway cannot stand behind.

import "./websocket.mjs";

import NodeWebSocket from "ws";

import { speech } from "./openai_turns.mjs";
import {
  Closed,
  OWN,
  PROVIDER_KEY,
  RELAY_TOKEN,
  RELAY_WSS_URL,
  pcm,
  run,
  size,
} from "./program.mjs";

/** Hand each JSON message to `receive`, until the WebSocket has closed. */
function talk(ws, facts, receive) {
  return new Promise((resolve, reject) => {
    ws.addEventListener("message", ({ data }) => receive(JSON.parse(data)));
    ws.addEventListener("error", reject);
    ws.addEventListener("close", (event) => {
      if (facts.last) resolve({ ...facts, close: event.code });
      else reject(new Closed(event));
    });
  });
}

/** A turn in the events of OpenAI, which others have taken over. */
function converse(ws) {
  const facts = { audio: 0, last: "" };
  const send = (event) => ws.send(JSON.stringify(event));
  return talk(ws, facts, (event) => {
    if (event.type === "session.created") {
      send({ type: "input_audio_buffer.append", audio: speech() });
      send({ type: "input_audio_buffer.commit" });
      send({ type: "response.create" });
    } else if (/^response\.(output_)?audio\.delta$/.test(event.type)) {
      facts.audio += size(event.delta);
    } else if (event.type === "response.done") {
      facts.last = event.type;
      ws.close(1000);
    }
  });
}

/** xAI, as its users open it from browsers. */
function openXai() {
  // -- docs: begin
  const url = `${RELAY_WSS_URL}/xai/v1/realtime?model=grok-voice-latest`;
  // -- docs: end
  if (OWN) {
    // -- docs: begin
    return new WebSocket(url, [
      `xai-client-secret.${PROVIDER_KEY}`,
      "relay",
      `cf-aig-authorization.${RELAY_TOKEN}`,
    ]);
    // -- docs: end
  }
  // -- docs: begin
  return new WebSocket(url, [`xai-client-secret.${RELAY_TOKEN}`]);
  // -- docs: end
}

/** Inworld: `key` is an id that the client gives the session. */
function openInworld() {
  // -- docs: begin
  const query = "key=a-session&protocol=realtime";
  const url = `${RELAY_WSS_URL}/inworld/api/v1/realtime/session?${query}`;
  // -- docs: end
  if (OWN) {
    // -- docs: begin
    return new NodeWebSocket(url, {
      headers: { Authorization: `Basic ${PROVIDER_KEY}`, "cf-aig-authorization": RELAY_TOKEN },
    });
    // -- docs: end
  }
  // -- docs: begin
  return new NodeWebSocket(url, { headers: { Authorization: `Basic ${RELAY_TOKEN}` } });
  // -- docs: end
}

/** Azure Voice Live: its SDK for Node, @azure/ai-voicelive, replaces the path of its endpoint. */
function openVoiceLive() {
  // -- docs: begin
  const query = "api-version=2026-07-15&model=gpt-realtime";
  const url = `${RELAY_WSS_URL}/azure-openai/voice-live/realtime?${query}`;
  // -- docs: end
  if (OWN) {
    // -- docs: begin
    return new NodeWebSocket(url, {
      headers: { "api-key": PROVIDER_KEY, "cf-aig-authorization": RELAY_TOKEN },
    });
    // -- docs: end
  }
  // -- docs: begin
  return new NodeWebSocket(url, { headers: { "api-key": RELAY_TOKEN } });
  // -- docs: end
}

/** Workers AI, as Cloudflare documents it: the gateway token is the only credential. */
function openWorkersAi() {
  // -- docs: begin
  const query = "model=@cf/deepgram/nova-3&encoding=linear16&sample_rate=16000";
  const url = `${RELAY_WSS_URL}/workers-ai?${query}`;
  // -- docs: end
  if (OWN) {
    // -- docs: begin
    return new NodeWebSocket(url, {
      headers: { Authorization: `Bearer ${PROVIDER_KEY}`, "cf-aig-authorization": RELAY_TOKEN },
    });
    // -- docs: end
  }
  // -- docs: begin
  return new NodeWebSocket(url, { headers: { "cf-aig-authorization": RELAY_TOKEN } });
  // -- docs: end
}

function transcribe(ws) {
  const facts = { text: "", last: "" };
  ws.addEventListener("open", () => {
    ws.send(pcm(1, 16000));
    ws.send(JSON.stringify({ type: "CloseStream" }));
  });
  return talk(ws, facts, (event) => {
    if (event.type === "Results") facts.text += event.channel.alternatives[0].transcript;
    if (event.type === "Metadata") facts.last = event.type;
  });
}

await run({
  "realtime of xAI": () => converse(openXai()),
  "realtime of Inworld": () => converse(openInworld()),
  "Voice Live of Azure": () => converse(openVoiceLive()),
  "speech to text of Workers AI": () => transcribe(openWorkersAi()),
});
