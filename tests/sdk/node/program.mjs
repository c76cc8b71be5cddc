// What the programs of this folder share: their environment, their arguments and their end.
//
//     node PROGRAM.mjs API MODE
//
// A program prints one JSON object and ends with 0: what the application got, or, in the mode
// "refused", what it saw of the refusal. Anything else is a failure.

const [api, mode] = process.argv.slice(2);

// The line is all that stands on standard output: some SDKs print, too.
const print = console.log;
console.log = console.error;

/** RELAY_URL is the gateway: `https://HOST/v1/ACCOUNT/GATEWAY`. */
export const { RELAY_URL, RELAY_TOKEN, PROVIDER_KEY } = process.env;

/** The gateway, for SDKs that want the URL of a WebSocket. */
export const RELAY_WSS_URL = RELAY_URL.replace("https:", "wss:");

/** Whether the program authenticates with PROVIDER_KEY, and with the token beside it. */
export const OWN = mode === "own";

/** A WebSocket ended before the conversation had; not every SDK tells the code and the reason. */
export class Closed extends Error {
  constructor({ code, reason } = {}) {
    super(["closed", code, reason].filter(Boolean).join(" "));
    this.name = "Closed";
    this.close = code;
  }
}

/** Use the API that the command line names. Each returns what it got, or throws. */
export async function run(apis) {
  let facts;
  try {
    facts = await apis[api]();
  } catch (error) {
    const mistake = error instanceof ReferenceError || error instanceof TypeError;
    if (mode !== "refused" || mistake) throw error;
    facts = seen(error);
  }
  print(JSON.stringify(facts));
}

/** What a microphone would give: a tone, 16-bit PCM. `rate` is in Hz. */
export function pcm(seconds, rate) {
  const samples = { length: Math.round(seconds * rate) };
  const tone = Int16Array.from(samples, (_, index) => 8000 * Math.sin(0.2 * index));
  return Buffer.from(tone.buffer);
}

/** How many bytes stand in `base64`. */
export function size(base64) {
  return Buffer.from(base64, "base64").length;
}

/** What an application can tell from `error`, which may be an event. */
function seen(error) {
  const nested = error.cause ?? error.error;
  return {
    error: error.name ?? error.constructor.name,
    says: String(error.message || nested?.message || nested || "").slice(0, 100),
    status: error.status ?? error.statusCode,
    close: error.close ?? error.closeCode,
  };
}
