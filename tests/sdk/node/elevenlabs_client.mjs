// @elevenlabs/client: an agent in text, and Scribe. It is made for browsers; its voice needs their
// microphone and loudspeaker.

import "./websocket.mjs";

import { AudioFormat, Conversation, RealtimeEvents, Scribe } from "@elevenlabs/client";

import { Closed, RELAY_TOKEN, RELAY_WSS_URL, pcm, run } from "./program.mjs";

const RATE = 16000;

function converse() {
  return new Promise((resolve, reject) => {
    let text = "";
    const options = {
      agentId: "an-agent",
      textOnly: true,
      onMessage: async ({ role, message }) => {
        if (role !== "agent" || text) return;
        text = message;
        const conversation = await starting;
        await conversation.endSession();
      },
      onDisconnect: ({ reason, closeCode, closeReason }) => {
        if (text) resolve({ text, last: reason });
        else reject(new Closed({ code: closeCode, reason: closeReason }));
      },
    };
    // -- docs: begin
    const starting = Conversation.startSession({
      origin: `${RELAY_WSS_URL}/elevenlabs`,
      authorization: RELAY_TOKEN,
      connectionType: "websocket",
      ...options,
    });
    // -- docs: end
    starting.then((conversation) => conversation.sendUserMessage("Hello."), reject);
  });
}

function transcribe() {
  const options = {
    modelId: "scribe_v2_realtime",
    audioFormat: AudioFormat.PCM_16000,
    sampleRate: RATE,
  };
  // -- docs: begin
  const connection = Scribe.connect({
    baseUri: `${RELAY_WSS_URL}/elevenlabs`,
    token: RELAY_TOKEN,
    ...options,
  });
  // -- docs: end
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
    connection.on(RealtimeEvents.CLOSE, (event) => {
      if (last) resolve({ text, last, close: event.code });
      else reject(new Closed(event));
    });
  });
}

await run({ "conversation in text": converse, scribe: transcribe });
