// Money in the page is an integer number of millionths (micros) in a BigInt: sums are exact, nothing is a float.

const MICROS = 1_000_000n;

function grouped(digits) {
  return digits.replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Half to even, as the server rounds. */
export function divideEven(top, bottom) {
  const negative = top < 0n !== bottom < 0n;
  const a = top < 0n ? -top : top;
  const b = bottom < 0n ? -bottom : bottom;
  let whole = a / b;
  const twice = (a % b) * 2n;
  if (twice > b || (twice === b && whole % 2n === 1n)) whole += 1n;
  return negative ? -whole : whole;
}

/** "USD 1,234.50". `exponent`: decimal places of the currency, 2 for most, 0 for JPY. */
export function money(micros, currency, exponent = 2) {
  const units = divideEven(micros, 10n ** BigInt(6 - exponent));
  const size = units < 0n ? -units : units;
  const one = 10n ** BigInt(exponent);
  const part = exponent > 0 ? `.${String(size % one).padStart(exponent, "0")}` : "";
  return `${units < 0n ? "-" : ""}${currency} ${grouped(String(size / one))}${part}`;
}

/** The exact amount as a decimal number, for the server. */
export function plain(micros) {
  const size = micros < 0n ? -micros : micros;
  return `${micros < 0n ? "-" : ""}${size / MICROS}.${String(size % MICROS).padStart(6, "0")}`;
}

export function whole(count) {
  return grouped(String(count));
}

/** Cost per thousand impressions in micros, or nothing when there are none. */
export function blendedCpm(costMicros, impressions) {
  return impressions > 0n ? divideEven(costMicros * 1000n, impressions) : null;
}
