// Where the page begins.

import { App } from "./app.js";
import { html, render } from "./libraries.js";

history.scrollRestoration = "manual"; // what the browser restores is there before its rows are
const place = document.getElementById("page");
place.replaceChildren();
render(html`<${App} />`, place);
