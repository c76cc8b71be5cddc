// @speechmatics/real-time-client: transcription.

import { RealtimeClient } from "@speechmatics/real-time-client";

import { RELAY_TOKEN, RELAY_WSS_URL, pcm, run } from "./program.mjs";

const RATE = 16000;
const CONFIG = {
  audio_format: { type: "raw", encoding: "pcm_s16le", sample_rate: RATE },
  transcription_config: { language: "en" },
};

async function transcribe() {
  // -- docs: begin
  const client = new RealtimeClient({ url: `${RELAY_WSS_URL}/speechmatics/v2` });
  // -- docs: end
  client.timeout = 2000; // its timer keeps Node running for as long
  let text = "";
  let last = "";
  client.addEventListener("receiveMessage", ({ data }) => {
    last = data.message;
    if (data.message === "AddTranscript") text += data.metadata.transcript;
  });
  // -- docs: begin
  await client.start(RELAY_TOKEN, CONFIG);
  // -- docs: end
  client.sendAudio(pcm(1, RATE));
  await client.stopRecognition();
  return { text, last };
}

await run({ transcription: transcribe });
