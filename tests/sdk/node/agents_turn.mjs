// A turn of an agent, whatever the transport.

import { RealtimeAgent, RealtimeSession } from "@openai/agents-realtime";

import { Closed, pcm } from "./program.mjs";

/** `connect` connects a session, with its API key. */
export async function converse(transport, connect) {
  const agent = new RealtimeAgent({ name: "Assistant", instructions: "Be brief." });
  const session = new RealtimeSession(agent, { transport, model: "gpt-realtime" });
  let audio = 0;
  let last = "";
  const closed = new Promise((resolve, reject) => {
    session.on("audio", ({ data }) => (audio += data.byteLength));
    session.on("agent_end", () => {
      last = "agent_end";
      session.close();
    });
    session.on("error", ({ error }) => reject(error));
    transport.on("connection_change", (status) => {
      if (status !== "disconnected") return;
      if (last) resolve({ audio, last });
      else reject(new Closed());
    });
  });
  closed.catch(() => {}); // of a refusal `connect` tells, too, and first
  await connect(session);
  session.sendAudio(pcm(0.5, 24000).buffer, { commit: true });
  transport.requestResponse();
  return closed;
}
