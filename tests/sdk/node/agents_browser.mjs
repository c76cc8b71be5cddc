// @openai/agents-realtime as browsers get it: Node has to choose the packages that bundlers choose.

import "./websocket.mjs";

import { spawnSync } from "node:child_process";

import { OpenAIRealtimeWebSocket } from "@openai/agents-realtime";

import { converse } from "./agents_turn.mjs";
import { RELAY_TOKEN, RELAY_WSS_URL, run } from "./program.mjs";

const BUNDLED = "--conditions=browser";

/** In browsers the SDK takes no key that is not ephemeral, and a gateway token is none. */
function makeTransport() {
  // -- docs: begin
  return new OpenAIRealtimeWebSocket({
    url: `${RELAY_WSS_URL}/openai/realtime?model=gpt-realtime`,
    useInsecureApiKey: true,
  });
  // -- docs: end
}

async function connect(session) {
  // -- docs: begin
  await session.connect({ apiKey: RELAY_TOKEN });
  // -- docs: end
}

if (process.execArgv.includes(BUNDLED)) {
  await run({ "agent in browsers": () => converse(makeTransport(), connect) });
} else {
  const again = spawnSync(process.execPath, [BUNDLED, ...process.argv.slice(1)], {
    stdio: "inherit",
  });
  process.exitCode = again.status;
}
