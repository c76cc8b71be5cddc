// The WebSocket of browsers. Node has it from version 22 on; this is the same one for older ones.

import { WebSocket } from "undici";

globalThis.WebSocket ??= WebSocket;
