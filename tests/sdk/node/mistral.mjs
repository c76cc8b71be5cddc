// @mistralai/mistralai: realtime transcription.

import { AudioEncoding, RealtimeTranscription } from "@mistralai/mistralai/extra/realtime";

import { OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, pcm, run } from "./program.mjs";

const RATE = 16000;

function makeClient() {
  if (OWN) {
    // -- docs: begin
    return new RealtimeTranscription({ serverURL: `${RELAY_URL}/mistral`, apiKey: PROVIDER_KEY });
    // -- docs: end
  }
  // -- docs: begin
  return new RealtimeTranscription({ serverURL: `${RELAY_URL}/mistral`, apiKey: RELAY_TOKEN });
  // -- docs: end
}

// The field lines of the client don't reach its WebSockets: each is told.
// -- docs: begin
const ownOptions = { httpHeaders: { "cf-aig-authorization": RELAY_TOKEN } };
// -- docs: end

async function* microphone() {
  yield pcm(1, RATE);
}

async function transcribe() {
  const events = makeClient().transcribeStream(
    microphone(),
    "voxtral-mini-transcribe-realtime-2602",
    {
      audioFormat: { encoding: AudioEncoding.PcmS16le, sampleRate: RATE },
      ...(OWN ? ownOptions : {}),
    },
  );
  let text = "";
  let last = "";
  for await (const event of events) {
    last = event.type;
    if (event.type === "transcription.text.delta") text += event.text;
    if (event.type === "error") throw new Error(JSON.stringify(event));
  }
  return { text, last };
}

await run({ transcription: transcribe });
