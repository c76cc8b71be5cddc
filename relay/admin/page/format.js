// Values in words. Times are seconds, costs decimals of US dollars as strings.

const counts = new Intl.NumberFormat("en");
export const DASH = "–";

export const count = (value) => counts.format(value);
export const plural = (value, one, many = `${one}s`) =>
  `${count(value)} ${value === 1 ? one : many}`;

/** Three figures. */
function three(value) {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

export function seconds(value) {
  if (value == null) return DASH;
  if (value < 0.001) return value ? `${three(value * 1e6)} µs` : "0 s";
  if (value < 0.9995) return `${three(value * 1000)} ms`;
  if (value < 59.95) return `${three(value)} s`;
  return minutes(Math.round(value));
}

/** For a clock that runs: whole seconds. */
export function age(value) {
  return value < 60 ? `${Math.floor(value)} s` : minutes(Math.floor(value));
}

function minutes(value) {
  const [hours, rest] = [Math.floor(value / 3600), value % 3600];
  const [inHour, inMinute] = [Math.floor(rest / 60), rest % 60];
  return hours ? `${count(hours)} h ${inHour} min` : `${inHour} min ${inMinute} s`;
}

/** As `relay top` has them: in units of 1024. */
export function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit ? three(size) : Math.round(size)} ${units[unit]}`;
}

/** The time of day; with the date if that is not today's. */
export function moment(iso) {
  const when = new Date(iso);
  const time = when.toLocaleTimeString("en-GB");
  if (when.toDateString() === new Date().toDateString()) return time;
  return `${day(when)} ${time}`;
}

function day(when) {
  const two = (value) => String(value).padStart(2, "0");
  return `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`;
}

/** Above a dollar to the cent, below to four figures; the exact value is for a title. */
export function money(cost) {
  if (cost == null) return DASH;
  const value = Number(cost);
  if (value >= 1)
    return `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  if (value === 0) return "$0";
  return `$${value.toLocaleString("en", { maximumSignificantDigits: 4 })}`;
}

const DECIMAL = /^(\d+)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;
const DIGITS = 30;

/** Decimals, added exactly, which floating-point numbers would not be. */
export function sum(costs) {
  let total = 0n;
  for (const cost of costs) {
    const [, whole, fraction = "", exponent = "0"] = DECIMAL.exec(cost);
    const zeros = DIGITS - fraction.length + Number(exponent);
    total += BigInt(whole + fraction) * 10n ** BigInt(Math.max(zeros, 0));
  }
  const digits = String(total).padStart(DIGITS + 1, "0");
  const fraction = digits.slice(-DIGITS).replace(/0+$/, "");
  return digits.slice(0, -DIGITS) + (fraction && `.${fraction}`);
}

/** `input_audio_tokens` for people. */
export const words = (name) => name.replaceAll("_", " ");
