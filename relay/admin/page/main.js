// Where the page begins.

import { App } from "./app.js";
import { html, render } from "./libraries.js";

const place = document.getElementById("page");
place.replaceChildren();
render(html`<${App} />`, place);
