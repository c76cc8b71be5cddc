// @elevenlabs/elevenlabs-js: Scribe and agents.

import { AudioFormat, ElevenLabsClient, RealtimeEvents } from "@elevenlabs/elevenlabs-js";
import { Conversation } from "@elevenlabs/elevenlabs-js/api/resources/conversationalAi/conversation/index.js";
import WebSocket from "ws";

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

async function transcribe() {
  // -- docs: begin
  const client = new ElevenLabsClient({ baseUrl: `${RELAY_URL}/elevenlabs`, apiKey: RELAY_TOKEN });
  // -- docs: end
  const connection = await client.speechToText.realtime.connect({
    modelId: "scribe_v2_realtime",
    audioFormat: AudioFormat.PCM_16000,
    sampleRate: RATE,
  });
  return new Promise((resolve, reject) => {
    let text = "";
    let last = "";
    connection.on(RealtimeEvents.SESSION_STARTED, () => {
      connection.send({ audioBase64: pcm(1, RATE).toString("base64") });
      connection.commit();
    });
    connection.on(RealtimeEvents.COMMITTED_TRANSCRIPT, (event) => {
      text = event.text;
      last = event.message_type;
      connection.close();
    });
    connection.on(RealtimeEvents.ERROR, reject);
    connection.on(RealtimeEvents.CLOSE, () => {
      if (last) resolve({ text, last });
      else reject(new Closed());
    });
  });
}

/** Its origin is fixed: only the factory of WebSockets can have another, and the credential. */
function makeFactory() {
  if (OWN) {
    // -- docs: begin
    return {
      create: (url, options) =>
        new WebSocket(url.replace("wss://api.elevenlabs.io", `${RELAY_WSS_URL}/elevenlabs`), {
          ...options,
          headers: { "xi-api-key": PROVIDER_KEY, "cf-aig-authorization": RELAY_TOKEN },
        }),
    };
    // -- docs: end
  }
  // -- docs: begin
  return {
    create: (url, options) =>
      new WebSocket(url.replace("wss://api.elevenlabs.io", `${RELAY_WSS_URL}/elevenlabs`), {
        ...options,
        headers: { "xi-api-key": RELAY_TOKEN },
      }),
  };
  // -- docs: end
}

function converse() {
  return new Promise((resolve, reject) => {
    let audio = 0;
    let text = "";
    let speak;
    const audioInterface = {
      start: (callback) => (speak = callback),
      stop: () => {},
      interrupt: () => {},
      output: (chunk) => {
        audio += chunk.length;
        if (text) conversation.endSession();
      },
    };
    const conversation = new Conversation({
      client: new ElevenLabsClient({ apiKey: "unused" }), // the constructor wants one
      agentId: "an-agent",
      requiresAuth: false, // else the SDK asks over HTTP for a signed URL
      audioInterface,
      webSocketFactory: makeFactory(),
      callbackAgentResponse: (response) => (text = response),
    });
    conversation.on("conversation_started", () => speak(pcm(1, RATE)));
    conversation.on("error", reject);
    conversation.on("session_ended", (_id, code, reason) => {
      if (code === undefined) return; // endSession; the close is still to come
      if (audio) resolve({ audio, text, close: code });
      else reject(new Closed({ code, reason }));
    });
    conversation.startSession().catch(reject);
  });
}

await run({ scribe: transcribe, conversation: converse });
