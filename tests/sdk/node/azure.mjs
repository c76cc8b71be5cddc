// Azure OpenAI with openai: Realtime and Responses.

import { AzureOpenAI, OpenAI } from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { ResponsesWS } from "openai/resources/responses/ws";

import { converse, respond } from "./openai_turns.mjs";
import { OWN, PROVIDER_KEY, RELAY_TOKEN, RELAY_URL, run } from "./program.mjs";

/** It needs an apiVersion, and sends none: its Realtime is GA. */
function makeAzureClient() {
  if (OWN) {
    // -- docs: begin
    return new AzureOpenAI({
      endpoint: `${RELAY_URL}/azure-openai`,
      apiKey: PROVIDER_KEY,
      apiVersion: "2025-04-01-preview",
      defaultHeaders: { "cf-aig-authorization": RELAY_TOKEN },
    });
    // -- docs: end
  }
  // -- docs: begin
  return new AzureOpenAI({
    endpoint: `${RELAY_URL}/azure-openai`,
    apiKey: RELAY_TOKEN,
    apiVersion: "2025-04-01-preview",
  });
  // -- docs: end
}

/** For Responses Azure documents the client of OpenAI, which sends a bearer token. */
function makeClient() {
  if (OWN) {
    // -- docs: begin
    return new OpenAI({
      baseURL: `${RELAY_URL}/azure-openai/openai/v1`,
      apiKey: PROVIDER_KEY,
      defaultHeaders: { "cf-aig-authorization": RELAY_TOKEN },
    });
    // -- docs: end
  }
  // -- docs: begin
  return new OpenAI({ baseURL: `${RELAY_URL}/azure-openai/openai/v1`, apiKey: RELAY_TOKEN });
  // -- docs: end
}

async function converseOnAzure() {
  const options = { deploymentName: "a-deployment" };
  return converse(await OpenAIRealtimeWS.azure(makeAzureClient(), options));
}

await run({
  "realtime of Azure": converseOnAzure,
  "responses of Azure": () => respond(new ResponsesWS(makeClient())),
});
