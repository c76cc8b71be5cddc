// Google: the setup of a session, authenticated by a subprotocol entry and the query.

import WebSocket from "ws";

const { RELAY_URL, RELAY_TOKEN, GOOGLE_API_KEY } = process.env;

const ws = new WebSocket(`${RELAY_URL}/google?api_key=${GOOGLE_API_KEY}`, [
  `cf-aig-authorization.${RELAY_TOKEN}`,
]);
let done = false;

ws.on("open", () => {
  console.log("Connected to server.");
  ws.send(
    JSON.stringify({
      setup: {
        model: "models/gemini-2.0-flash-exp",
        generationConfig: { responseModalities: ["TEXT"] },
      },
    }),
  );
});

ws.on("message", (message) => {
  const event = JSON.parse(message.toString()); // Google sends JSON in binary messages
  console.log(event);
  if (event.setupComplete) {
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
