// xAI has no SDK for its realtime API, whose events are those of OpenAI: openai speaks it.

import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

import { converse } from "./openai_turns.mjs";
import { OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, run } from "./program.mjs";

function makeClient() {
  if (OWN) {
    // -- docs: begin
    return new OpenAI({
      baseURL: `${RELAY_URL}/xai`,
      apiKey: PROVIDER_KEY,
      defaultHeaders: { "cf-aig-authorization": RELAY_TOKEN },
    });
    // -- docs: end
  }
  // -- docs: begin
  return new OpenAI({ baseURL: `${RELAY_URL}/xai`, apiKey: RELAY_TOKEN });
  // -- docs: end
}

await run({
  "realtime of xAI": () =>
    converse(new OpenAIRealtimeWS({ model: "grok-voice-latest" }, makeClient())),
});
