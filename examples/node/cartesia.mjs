// Cartesia: text to speech, authenticated by a subprotocol entry and the query.

import WebSocket from "ws";

const { RELAY_URL, RELAY_TOKEN, CARTESIA_API_KEY } = process.env;

const query = `cartesia_version=2024-06-10&api_key=${CARTESIA_API_KEY}`;
const ws = new WebSocket(`${RELAY_URL}/cartesia?${query}`, [
  `cf-aig-authorization.${RELAY_TOKEN}`,
]);
let done = false;

ws.on("open", () => {
  console.log("Connected to server.");
  ws.send(
    JSON.stringify({
      model_id: "sonic",
      transcript: "Hello, world! I'm generating audio on ",
      voice: { mode: "id", id: "a0e99841-438c-4a64-b679-ae501e7d6091" },
      language: "en",
      context_id: "happy-monkeys-fly",
      output_format: {
        container: "raw",
        encoding: "pcm_s16le",
        sample_rate: 8000,
      },
      add_timestamps: true,
      continue: true,
    }),
  );
});

ws.on("message", (message) => {
  const event = JSON.parse(message.toString());
  console.log(event);
  if (event.type === "chunk") {
    done = true; // with continue: true, no "done" ever comes
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
