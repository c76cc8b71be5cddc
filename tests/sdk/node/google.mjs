// @google/genai: Live in the builds for Node and for browsers, and music.

import "./websocket.mjs";

import { GoogleGenAI } from "@google/genai/node";
import { GoogleGenAI as GoogleGenAIWeb } from "@google/genai/web";

import { converse } from "./google_turn.mjs";
import { Closed, OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, run, size } from "./program.mjs";

function makeClient(GoogleGenAI) {
  if (OWN) {
    // -- docs: begin
    return new GoogleGenAI({
      apiKey: PROVIDER_KEY,
      httpOptions: {
        baseUrl: `${RELAY_URL}/google`,
        headers: { "cf-aig-authorization": RELAY_TOKEN },
      },
    });
    // -- docs: end
  }
  // -- docs: begin
  return new GoogleGenAI({
    apiKey: RELAY_TOKEN,
    httpOptions: { baseUrl: `${RELAY_URL}/google` },
  });
  // -- docs: end
}

/** What music is documented with. */
function makeAlphaClient(GoogleGenAI) {
  if (OWN) {
    // -- docs: begin
    return new GoogleGenAI({
      apiKey: PROVIDER_KEY,
      httpOptions: {
        baseUrl: `${RELAY_URL}/google`,
        apiVersion: "v1alpha",
        headers: { "cf-aig-authorization": RELAY_TOKEN },
      },
    });
    // -- docs: end
  }
  // -- docs: begin
  return new GoogleGenAI({
    apiKey: RELAY_TOKEN,
    httpOptions: { baseUrl: `${RELAY_URL}/google`, apiVersion: "v1alpha" },
  });
  // -- docs: end
}

/** An ephemeral token, as browsers get it, has a method and a parameter of its own. */
function makeEphemeralClient() {
  return new GoogleGenAI({
    apiKey: PROVIDER_KEY,
    httpOptions: {
      baseUrl: `${RELAY_URL}/google-ephemeral`,
      apiVersion: "v1alpha",
      headers: { "cf-aig-authorization": RELAY_TOKEN },
    },
  });
}

async function play(ai) {
  let audio = 0;
  const callbacks = {};
  const closed = new Promise((resolve, reject) => {
    callbacks.onmessage = ({ serverContent }) => {
      for (const { data } of serverContent?.audioChunks ?? []) audio += size(data);
      if (audio) session.close();
    };
    callbacks.onerror = reject; // of a refusal, connect() says nothing
    callbacks.onclose = (event) => {
      if (audio) resolve(event.code);
      else reject(new Closed(event));
    };
  });
  const connected = ai.live.music.connect({ model: "models/lyria-realtime-exp", callbacks });
  const session = await Promise.race([connected, closed]);
  await session.setWeightedPrompts({ weightedPrompts: [{ text: "minimal techno", weight: 1 }] });
  session.play();
  return { close: await closed, audio };
}

await run({
  live: () => converse(makeClient(GoogleGenAI)),
  "live v1alpha": () => converse(makeAlphaClient(GoogleGenAI)),
  "live in browsers": () => converse(makeClient(GoogleGenAIWeb)),
  "live with an ephemeral token": () => converse(makeEphemeralClient()),
  music: () => play(makeAlphaClient(GoogleGenAI)),
  "music in browsers": () => play(makeAlphaClient(GoogleGenAIWeb)),
});
