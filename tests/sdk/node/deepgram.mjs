// @deepgram/sdk: listen, speak and the voice agent.

import "./websocket.mjs";

import {
  Closed,
  OWN,
  PROVIDER_KEY,
  RELAY_TOKEN,
  RELAY_URL,
  RELAY_WSS_URL,
  pcm,
  run,
} from "./program.mjs";

const RATE = 16000;

/** Its host for agents is another one: all of them become the relay. */
function makeClient(DeepgramClient) {
  // -- docs: begin
  const environment = {
    base: `${RELAY_URL}/deepgram`,
    production: `${RELAY_WSS_URL}/deepgram`,
    agent: `${RELAY_WSS_URL}/deepgram`,
    agentRest: `${RELAY_URL}/deepgram`,
  };
  // -- docs: end
  if (OWN) {
    // -- docs: begin
    const headers = { "cf-aig-authorization": RELAY_TOKEN };
    return new DeepgramClient({ environment, headers, apiKey: PROVIDER_KEY });
    // -- docs: end
  }
  // -- docs: begin
  return new DeepgramClient({ environment, apiKey: RELAY_TOKEN });
  // -- docs: end
}

/** The SDK as Node has it. */
async function node() {
  const { DeepgramClient } = await import("@deepgram/sdk");
  return makeClient(DeepgramClient);
}

/** The SDK as browsers have it: its credential is a pair of subprotocol entries. */
async function browser() {
  globalThis.window = { document: {}, navigator: { userAgent: "" } }; // how it tells
  return node();
}

// Browsers send no field lines: there, the gateway token is one more entry.
// -- docs: begin
const ownProtocols = { protocols: [`cf-aig-authorization.${RELAY_TOKEN}`] };
// -- docs: end

/** Open a connection, answer its messages, and end it after the last one. */
function talk(connection, facts, { open, message }) {
  return new Promise((resolve, reject) => {
    connection.on("open", open);
    connection.on("message", (data) => {
      message(data);
      if (facts.last) connection.close(); // else the SDK would open it again
    });
    connection.on("error", reject);
    connection.on("close", (event) => {
      if (facts.last) resolve(facts);
      else queueMicrotask(() => reject(new Closed(event))); // a refusal's error comes behind
    });
    connection.connect();
  });
}

async function listen(client, protocols) {
  const connection = await client.listen.v1.connect({
    model: "nova-3",
    encoding: "linear16",
    sample_rate: RATE,
    ...protocols,
  });
  const facts = { text: "", last: "" };
  return talk(connection, facts, {
    open: () => {
      connection.sendMedia(pcm(1, RATE));
      connection.sendCloseStream({ type: "CloseStream" });
    },
    message: (data) => {
      if (data.type === "Results") facts.text += data.channel.alternatives[0].transcript;
      if (data.type === "Metadata") facts.last = data.type;
    },
  });
}

async function listenInTurns(client, protocols) {
  const connection = await client.listen.v2.connect({
    model: "flux-general-en",
    encoding: "linear16",
    sample_rate: RATE,
    ...protocols,
  });
  const facts = { text: "", last: "" };
  return talk(connection, facts, {
    open: () => connection.sendMedia(pcm(1, RATE)),
    message: (data) => {
      if (data.event !== "EndOfTurn") return;
      facts.text = data.transcript;
      facts.last = data.event;
    },
  });
}

async function speak(client, protocols) {
  const connection = await client.speak.v1.connect({
    model: "aura-2-thalia-en",
    encoding: "linear16",
    sample_rate: RATE,
    ...protocols,
  });
  const facts = { audio: 0, last: "" };
  return talk(connection, facts, {
    open: () => {
      connection.sendText({ type: "Speak", text: "Hello, world!" });
      connection.sendFlush({ type: "Flush" });
    },
    message: (data) => {
      if (data instanceof Blob) facts.audio += data.size;
      else if (data.type === "Flushed") facts.last = data.type;
    },
  });
}

async function speakInTurns(client, protocols) {
  const connection = await client.speak.v2.connect({
    model: "flux-alexis-en",
    encoding: "linear16",
    sample_rate: RATE,
    ...protocols,
  });
  const facts = { audio: 0, last: "" };
  return talk(connection, facts, {
    open: () => {
      connection.sendSpeak({ type: "Speak", text: "Hello, world!" });
      connection.sendFlush({ type: "Flush" });
    },
    message: (data) => {
      if (data instanceof Blob) facts.audio += data.size;
      else if (data.type === "SpeechMetadata") facts.last = data.type;
    },
  });
}

async function converse(client, protocols) {
  const connection = await client.agent.v1.connect(protocols);
  const facts = { audio: 0, text: "", last: "" };
  return talk(connection, facts, {
    open: () =>
      connection.sendSettings({
        type: "Settings",
        audio: {
          input: { encoding: "linear16", sample_rate: RATE },
          output: { encoding: "linear16", sample_rate: RATE, container: "none" },
        },
        agent: {
          listen: { provider: { type: "deepgram", version: "v1", model: "nova-3" } },
          think: { provider: { type: "open_ai", model: "gpt-4o-mini" }, prompt: "Be brief." },
          speak: { provider: { type: "deepgram", model: "aura-2-thalia-en" } },
        },
      }),
    message: (data) => {
      if (data instanceof Blob) facts.audio += data.size;
      else if (data.type === "SettingsApplied") connection.sendMedia(pcm(1, RATE));
      else if (data.type === "ConversationText" && data.role === "assistant")
        facts.text += data.content;
      else if (data.type === "AgentAudioDone") facts.last = data.type;
    },
  });
}

const protocols = OWN ? ownProtocols : {};
await run({
  "listen v1": async () => listen(await node()),
  "listen v2": async () => listenInTurns(await node()),
  "speak v1": async () => speak(await node()),
  "speak v2": async () => speakInTurns(await node()),
  agent: async () => converse(await node()),
  "listen v1 in browsers": async () => listen(await browser(), protocols),
  "listen v2 in browsers": async () => listenInTurns(await browser(), protocols),
  "speak v1 in browsers": async () => speak(await browser(), protocols),
  "speak v2 in browsers": async () => speakInTurns(await browser(), protocols),
  "agent in browsers": async () => converse(await browser(), protocols),
});
