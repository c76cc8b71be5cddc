// @openai/agents-realtime: a turn of an agent.

import { OpenAIRealtimeWebSocket } from "@openai/agents-realtime";
import NodeWebSocket from "ws";

import { converse } from "./agents_turn.mjs";
import { OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_WSS_URL, run } from "./program.mjs";

function makeTransport() {
  if (OWN) {
    // -- docs: begin
    return new OpenAIRealtimeWebSocket({
      url: `${RELAY_WSS_URL}/openai/realtime?model=gpt-realtime`,
      createWebSocket: async ({ url, apiKey }) =>
        new NodeWebSocket(url, {
          headers: { Authorization: `Bearer ${apiKey}`, "cf-aig-authorization": RELAY_TOKEN },
        }),
    });
    // -- docs: end
  }
  // -- docs: begin
  return new OpenAIRealtimeWebSocket({
    url: `${RELAY_WSS_URL}/openai/realtime?model=gpt-realtime`,
  });
  // -- docs: end
}

async function connect(session) {
  if (OWN) {
    // -- docs: begin
    await session.connect({ apiKey: PROVIDER_KEY });
    // -- docs: end
  } else {
    // -- docs: begin
    await session.connect({ apiKey: RELAY_TOKEN });
    // -- docs: end
  }
}

await run({ agent: () => converse(makeTransport(), connect) });
