// The libraries, which are scripts and no modules (vendor/), under the names used here.

export const { h, render, createContext, Fragment } = globalThis.preact;
export const { useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } =
  globalThis.preactHooks;
export const html = globalThis.htm.bind(h);
export const Plot = globalThis.uPlot;
