// Turns with the classes of openai, whoever the provider is.

import { Closed, pcm, size } from "./program.mjs";

/** Half a second at the API's rate. */
export function speech() {
  return pcm(0.5, 24000).toString("base64");
}

/** A turn in audio. GA calls its events `response.output_audio...`, the beta `response.audio...`. */
export function converse(rt, name = "response.output_audio") {
  return new Promise((resolve, reject) => {
    let audio = 0;
    let text = "";
    let last = "";
    rt.on("session.created", () => {
      rt.send({ type: "input_audio_buffer.append", audio: speech() });
      rt.send({ type: "input_audio_buffer.commit" });
      rt.send({ type: "response.create" });
    });
    rt.on(`${name}.delta`, ({ delta }) => (audio += size(delta)));
    rt.on(`${name}_transcript.delta`, ({ delta }) => (text += delta));
    rt.on("response.done", ({ type }) => {
      last = type;
      rt.close();
    });
    rt.on("error", reject);
    rt.socket.addEventListener("close", (event) => {
      if (last) resolve({ audio, text, last, close: event.code });
      else reject(new Closed(event));
    });
  });
}

/** One response in text. */
export function respond(ws) {
  return new Promise((resolve, reject) => {
    let text = "";
    let last = "";
    ws.send({ type: "response.create", model: "gpt-5", input: "Tell me a joke" });
    ws.on("response.output_text.delta", ({ delta }) => (text += delta));
    ws.on("response.completed", ({ type }) => {
      last = type;
      ws.close();
    });
    ws.on("error", reject);
    ws.on("close", (code, reason) => {
      if (last) resolve({ text, last, close: code });
      else reject(new Closed({ code, reason }));
    });
  });
}
