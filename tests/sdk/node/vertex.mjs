// Vertex AI with @google/genai: Live.

import { GoogleGenAI } from "@google/genai/node";
import { OAuth2Client } from "google-auth-library";

import { converse } from "./google_turn.mjs";
import { OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, run } from "./program.mjs";

/** With an access token. What fetches one is left out: its answer is given. */
function makeClient() {
  const authClient = new OAuth2Client();
  if (OWN) {
    authClient.setCredentials({ access_token: PROVIDER_KEY });
    // -- docs: begin
    return new GoogleGenAI({
      vertexai: true,
      project: "a-project",
      location: "us-central1",
      googleAuthOptions: { authClient },
      httpOptions: {
        baseUrl: `${RELAY_URL}/google-vertex-ai`,
        headers: { "cf-aig-authorization": RELAY_TOKEN },
      },
    });
    // -- docs: end
  }
  // -- docs: begin
  authClient.setCredentials({ access_token: RELAY_TOKEN });
  return new GoogleGenAI({
    vertexai: true,
    project: "a-project",
    location: "us-central1",
    googleAuthOptions: { authClient },
    httpOptions: { baseUrl: `${RELAY_URL}/google-vertex-ai` },
  });
  // -- docs: end
}

/** With an API key. */
function makeExpressClient() {
  if (OWN) {
    // -- docs: begin
    return new GoogleGenAI({
      vertexai: true,
      apiKey: PROVIDER_KEY,
      httpOptions: {
        baseUrl: `${RELAY_URL}/google-vertex-ai`,
        headers: { "cf-aig-authorization": RELAY_TOKEN },
      },
    });
    // -- docs: end
  }
  // -- docs: begin
  return new GoogleGenAI({
    vertexai: true,
    apiKey: RELAY_TOKEN,
    httpOptions: { baseUrl: `${RELAY_URL}/google-vertex-ai` },
  });
  // -- docs: end
}

await run({
  "live of Vertex AI": () => converse(makeClient()),
  "live of Vertex AI, express": () => converse(makeExpressClient()),
});
