// @fal-ai/client: realtime inference.
//
// Its host is fixed, and only the global WebSocket can stand in between.

import "./websocket.mjs";

import { createFalClient } from "@fal-ai/client";

import { OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_WSS_URL, run } from "./program.mjs";

if (OWN) {
  // -- docs: begin
  globalThis.WebSocket = class extends globalThis.WebSocket {
    constructor(url) {
      super(url.replace("wss://fal.run", `${RELAY_WSS_URL}/fal`), [
        "relay",
        `cf-aig-authorization.${RELAY_TOKEN}`,
      ]);
    }
  };
  // -- docs: end
} else {
  // -- docs: begin
  globalThis.WebSocket = class extends globalThis.WebSocket {
    constructor(url) {
      super(url.replace("wss://fal.run", `${RELAY_WSS_URL}/fal`));
    }
  };
  // -- docs: end
}

// -- docs: begin
const relayTokenProvider = async () => RELAY_TOKEN;
// -- docs: end
const ownTokenProvider = async () => PROVIDER_KEY;

function infer() {
  return new Promise((resolve, reject) => {
    const connection = createFalClient().realtime.connect("fal-ai/fast-lcm-diffusion", {
      tokenProvider: OWN ? ownTokenProvider : relayTokenProvider,
      onResult: ({ images }) => {
        connection.close();
        resolve({ image: images[0].content.length, text: images[0].content_type });
      },
      onError: reject,
    });
    connection.send({ prompt: "an island" });
  });
}

await run({ "realtime with a WebSocket in between": infer });
