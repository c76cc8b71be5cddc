// The libraries, which are scripts and no modules (vendor/), under the names used here.

export const { h, render, Fragment } = globalThis.preact;
export const { useEffect, useLayoutEffect, useMemo, useRef, useState } = globalThis.preactHooks;
export const html = globalThis.htm.bind(h);
export const Plot = globalThis.uPlot;
