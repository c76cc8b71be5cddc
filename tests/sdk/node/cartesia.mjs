// @cartesia/cartesia-js: text to speech, speech to text, and speech to text in turns.
//
// The SDK finds the package ws only with require(). As an ES module, in Node as in browsers, it
// takes the global WebSocket, and with it the query for its credential.

import "./websocket.mjs";

import { createRequire } from "node:module";

import CartesiaForBrowsers from "@cartesia/cartesia-js";

import { Closed, OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, pcm, run, size } from "./program.mjs";

const CartesiaForNode = createRequire(import.meta.url)("@cartesia/cartesia-js");

const RATE = 16000;
const OUTPUT_FORMAT = { container: "raw", encoding: "pcm_s16le", sample_rate: RATE };

function makeClient(Cartesia) {
  if (OWN) {
    // -- docs: begin
    return new Cartesia({ baseURL: `${RELAY_URL}/cartesia`, apiKey: PROVIDER_KEY });
    // -- docs: end
  }
  // -- docs: begin
  return new Cartesia({ baseURL: `${RELAY_URL}/cartesia`, apiKey: RELAY_TOKEN });
  // -- docs: end
}

// The field lines of the client don't reach its WebSockets: each is told.
// -- docs: begin
const ownOptions = { headers: { "cf-aig-authorization": RELAY_TOKEN } };
// -- docs: end
const options = OWN ? ownOptions : undefined;

async function speak(client) {
  const ws = await client.tts.websocket(options).catch((event) => {
    // The SDK rejects a second promise, out of the application's reach, which would end Node.
    process.once("unhandledRejection", () => {});
    throw event;
  });
  const closed = new Promise((resolve) => ws.socket.addEventListener("close", resolve));
  const context = ws.context({
    model_id: "sonic-3",
    voice: { mode: "id", id: "a0e99841-438c-4a64-b679-ae501e7d6091" },
    output_format: OUTPUT_FORMAT,
  });
  await context.push({ transcript: "Hello, world! " });
  await context.push({ transcript: "I'm generating audio." });
  await context.no_more_inputs();
  let audio = 0;
  let last = "";
  for await (const event of context.receive()) {
    last = event.type;
    if (event.type === "chunk") audio += size(event.data);
  }
  ws.close();
  const { code } = await closed;
  return { audio, last, close: code };
}

function transcribe(client) {
  return new Promise((resolve, reject) => {
    const parameters = { model: "ink-whisper", encoding: "pcm_s16le", sample_rate: RATE };
    const ws = client.stt.manualFinalize.websocket(parameters, options);
    let text = "";
    let last = "";
    ws.sendRaw(pcm(1, RATE)); // queued until it opens
    ws.send("finalize");
    ws.send("close");
    ws.on("transcript", (event) => (text += event.text));
    ws.on("done", ({ type }) => (last = type));
    ws.on("error", reject);
    ws.on("close", (code, reason) => {
      if (last) resolve({ text, last, close: code });
      else reject(new Closed({ code, reason }));
    });
  });
}

function transcribeTurns(client) {
  return new Promise((resolve, reject) => {
    const parameters = { model: "ink-2", encoding: "pcm_s16le", sample_rate: RATE };
    const ws = client.stt.autoFinalize.websocket(parameters, options);
    let text = "";
    let last = "";
    ws.on("connected", () => ws.sendRaw(pcm(1, RATE)));
    ws.on("turn.end", ({ type, transcript }) => {
      text += transcript;
      last = type;
      ws.send({ type: "close" });
    });
    ws.on("error", reject);
    ws.on("close", (code, reason) => {
      if (last) resolve({ text, last, close: code });
      else reject(new Closed({ code, reason }));
    });
  });
}

await run({
  tts: () => speak(makeClient(CartesiaForNode)),
  stt: () => transcribe(makeClient(CartesiaForNode)),
  "stt turns": () => transcribeTurns(makeClient(CartesiaForNode)),
  "tts in browsers": () => speak(makeClient(CartesiaForBrowsers)),
  "stt in browsers": () => transcribe(makeClient(CartesiaForBrowsers)),
  "stt turns in browsers": () => transcribeTurns(makeClient(CartesiaForBrowsers)),
});
