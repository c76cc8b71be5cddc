// hume: speech to speech (EVI) and text to speech.
//
// Where there is a global WebSocket, in browsers and in Node from version 22 on, the SDK takes that
// one, which sends no field lines, and has its credential in the query alone.

import { HumeClient } from "hume";

import {
  Closed,
  OWN,
  PROVIDER_KEY,
  RELAY_TOKEN,
  RELAY_URL,
  RELAY_WSS_URL,
  pcm,
  run,
  size,
} from "./program.mjs";

// -- docs: begin
const environment = {
  base: `${RELAY_URL}/hume`,
  evi: `${RELAY_WSS_URL}/hume/v0/evi`,
  tts: `${RELAY_WSS_URL}/hume/v0/tts`,
  stream: `${RELAY_WSS_URL}/hume/v0/stream`,
};
// -- docs: end

function makeClient() {
  if (OWN) {
    // -- docs: begin
    return new HumeClient({ environment, apiKey: PROVIDER_KEY });
    // -- docs: end
  }
  // -- docs: begin
  return new HumeClient({ environment, apiKey: RELAY_TOKEN });
  // -- docs: end
}

const client = makeClient();

// The field lines of the client don't reach its WebSockets: each is told.
// -- docs: begin
const ownOptions = { headers: { "cf-aig-authorization": RELAY_TOKEN } };
// -- docs: end
const options = OWN ? ownOptions : {};

/** Hand each message to `message`, and end the connection after the last one. */
function talk(socket, facts, { open, message }) {
  return new Promise((resolve, reject) => {
    socket.on("open", open);
    socket.on("message", (data) => {
      message(data);
      if (facts.last) socket.close();
    });
    socket.on("error", reject);
    socket.on("close", (event) => {
      if (facts.last) resolve(facts);
      else queueMicrotask(() => reject(new Closed(event))); // a refusal's error comes behind
    });
  });
}

function converse() {
  const socket = client.empathicVoice.chat.connect(options);
  const facts = { audio: 0, text: "", last: "" };
  return talk(socket, facts, {
    open: () => {},
    message: (data) => {
      if (data.type === "chat_metadata")
        socket.sendAudioInput({ data: pcm(1, 16000).toString("base64") });
      if (data.type === "assistant_message") facts.text += data.message.content;
      if (data.type === "audio_output") facts.audio += size(data.data);
      if (data.type === "assistant_end") facts.last = data.type;
    },
  });
}

async function speak() {
  const socket = await client.tts.streamInput.connect({ ...options, formatType: "pcm" });
  const facts = { audio: 0, last: "" };
  return talk(socket, facts, {
    open: () => socket.sendPublish({ text: "Hello, world!", close: true }),
    message: (data) => {
      if (data.audio) facts.audio += size(data.audio);
      if (data.isLastChunk) facts.last = data.type;
    },
  });
}

async function withGlobalWebSocket(converseOrSpeak) {
  await import("./websocket.mjs");
  return converseOrSpeak();
}

async function withoutGlobalWebSocket(converseOrSpeak) {
  delete globalThis.WebSocket;
  return converseOrSpeak();
}

await run({
  evi: () => withoutGlobalWebSocket(converse),
  tts: () => withoutGlobalWebSocket(speak),
  "evi in browsers": () => withGlobalWebSocket(converse),
  "tts in browsers": () => withGlobalWebSocket(speak),
});
