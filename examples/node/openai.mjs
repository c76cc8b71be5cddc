// OpenAI: text, authenticated by field lines.

import WebSocket from "ws";

const { RELAY_URL, RELAY_TOKEN, OPENAI_API_KEY } = process.env;

const url = `${RELAY_URL}/openai?model=gpt-4o-realtime-preview-2024-12-17`;
const ws = new WebSocket(url, {
  headers: {
    "cf-aig-authorization": RELAY_TOKEN,
    Authorization: "Bearer " + OPENAI_API_KEY,
    "OpenAI-Beta": "realtime=v1",
  },
});
let done = false;

ws.on("open", () => {
  console.log("Connected to server.");
  ws.send(
    JSON.stringify({
      type: "response.create",
      response: { modalities: ["text"], instructions: "Tell me a joke" },
    }),
  );
});

ws.on("message", (message) => {
  const event = JSON.parse(message.toString());
  console.log(event);
  if (event.type === "response.done") {
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
