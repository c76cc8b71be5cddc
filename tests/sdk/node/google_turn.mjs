// A turn with the Live API, whoever serves it.

import { Modality } from "@google/genai/node";

import { Closed, pcm, size } from "./program.mjs";

/** A turn in audio: a second of it, which is transcribed, and the answer in audio. */
export async function converse(ai) {
  let audio = 0;
  let text = "";
  let last = "";
  const callbacks = {};
  const closed = new Promise((resolve, reject) => {
    callbacks.onmessage = ({ serverContent }) => {
      const parts = serverContent?.modelTurn?.parts ?? [];
      for (const { inlineData } of parts) audio += size(inlineData.data);
      text += serverContent?.inputTranscription?.text ?? "";
      if (serverContent?.turnComplete) last = "turnComplete";
      if (last) session.close();
    };
    callbacks.onerror = reject;
    callbacks.onclose = (event) => {
      if (last) resolve(event.code);
      else reject(new Closed(event));
    };
  });
  const connected = ai.live.connect({
    model: "gemini-live-2.5-flash-preview",
    config: { responseModalities: [Modality.AUDIO], inputAudioTranscription: {} },
    callbacks,
  });
  const [session] = await Promise.all([connected, Promise.race([connected, closed])]);
  const data = pcm(1, 16000).toString("base64");
  session.sendRealtimeInput({ audio: { data, mimeType: "audio/pcm;rate=16000" } });
  return { close: await closed, audio, text, last };
}
