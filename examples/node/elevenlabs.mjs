// ElevenLabs: an agent, authenticated by two subprotocol entries.

import WebSocket from "ws";

const { RELAY_URL, RELAY_TOKEN, ELEVENLABS_API_KEY, ELEVENLABS_AGENT_ID } = process.env;

const ws = new WebSocket(`${RELAY_URL}/elevenlabs?agent_id=${ELEVENLABS_AGENT_ID}`, [
  `xi-api-key.${ELEVENLABS_API_KEY}`,
  `cf-aig-authorization.${RELAY_TOKEN}`,
]);
let done = false;

ws.on("open", () => {
  console.log("Connected to server.");
  ws.send(
    JSON.stringify({
      text: "This is a sample text ",
      voice_settings: { stability: 0.8, similarity_boost: 0.8 },
      generation_config: { chunk_length_schedule: [120, 160, 250, 290] },
    }),
  );
});

ws.on("message", (message) => {
  const event = JSON.parse(message.toString());
  console.log(event);
  if (event.type === "audio") {
    done = true;
    ws.close(1000);
  }
});

ws.on("unexpected-response", (request, response) => {
  response.setEncoding("utf8");
  response.on("data", (body) => console.error(`refused with ${response.statusCode}: ${body}`));
  response.on("end", () => process.exit(1));
});
ws.on("error", (error) => {
  console.error(`failed: ${error.message}`);
  process.exit(1);
});
ws.on("close", (code, reason) => {
  console.log(`closed with ${code} ${reason}`);
  process.exit(done ? 0 : 1);
});
