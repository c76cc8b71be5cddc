// assemblyai: streaming transcription.

import { AssemblyAI } from "assemblyai";

import { RELAY_TOKEN, RELAY_WSS_URL, pcm, run } from "./program.mjs";

async function transcribe() {
  // -- docs: begin
  const client = new AssemblyAI({ apiKey: RELAY_TOKEN });
  const transcriber = client.streaming.transcriber({
    websocketBaseUrl: `${RELAY_WSS_URL}/assemblyai/v3/ws`,
    sampleRate: 16000,
    speechModel: "universal-streaming-english",
  });
  // -- docs: end
  let text = "";
  let last = "";
  transcriber.on("turn", (turn) => {
    if (!turn.end_of_turn) return;
    text = turn.transcript;
    last = turn.type;
  });
  await transcriber.connect();
  transcriber.sendAudio(pcm(1, 16000));
  await transcriber.close(); // Terminate, and the answer to it
  return { text, last };
}

await run({ streaming: transcribe });
