/**
 * ln, exp and pow out of additions, multiplications and divisions alone, which IEEE 754 rounds correctly and every engine computes alike. The engines' own
 * Math.log, Math.exp and `**` may differ in the last bit between versions, and a simulated run must give the same bytes on all of them.
 * Error below 2 units in the last place (tested against Math.*); results of simulations use them, nothing else may.
 */

const ln2High = 0.6931471803691238; // the first 32 bits of ln 2: exact when multiplied by an exponent
const ln2Low = 1.9082149292705877e-10;
const log2E = 1.4426950408889634;
const sqrtHalf = 0.7071067811865476;

const bits = new DataView(new ArrayBuffer(8));

/** 2^exponent for -1022 <= exponent <= 1023. */
function powerOfTwo(exponent: number): number {
  bits.setUint32(0, (exponent + 1023) << 20);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}

/** value * 2^exponent, in two steps where one would leave the range. */
function scale(value: number, exponent: number): number {
  if (exponent > 1023) return value * powerOfTwo(1023) * powerOfTwo(Math.min(exponent - 1023, 1023));
  if (exponent < -1022) return value * powerOfTwo(-1022) * powerOfTwo(Math.max(exponent + 1022, -1022));
  return value * powerOfTwo(exponent);
}

/** Natural logarithm. ln(0) = -Infinity, ln(negative) = NaN. */
export function ln(x: number): number {
  if (x !== x || x < 0) return NaN;
  if (x === 0) return -Infinity;
  if (x === Infinity) return Infinity;
  let subnormal = 0;
  let value = x;
  if (value < 2.2250738585072014e-308) {
    value *= 18014398509481984;
    subnormal = 54;
  }
  bits.setFloat64(0, value);
  const high = bits.getUint32(0);
  let exponent = (high >>> 20) - 1023 - subnormal;
  bits.setUint32(0, (high & 0xfffff) | 0x3fe00000);
  let mantissa = bits.getFloat64(0); // in [0.5, 1)
  exponent += 1;
  if (mantissa < sqrtHalf) {
    mantissa *= 2;
    exponent -= 1;
  }
  // ln(1 + f) = f - f^2/2 + s (f^2/2 + R), s = f / (2 + f), R the series of 2 atanh(s) / s - 2 in s^2
  const f = mantissa - 1;
  const s = f / (2 + f);
  const z = s * s;
  const series =
    z * (2 / 3 + z * (2 / 5 + z * (2 / 7 + z * (2 / 9 + z * (2 / 11 + z * (2 / 13 + z * (2 / 15 + z * (2 / 17 + z * (2 / 19 + z * (2 / 21))))))))));
  const half = 0.5 * f * f;
  return exponent * ln2High - (half - (s * (half + series) + exponent * ln2Low) - f);
}

/** e^x. */
export function exp(x: number): number {
  if (x !== x) return NaN;
  if (x > 709.782712893384) return Infinity;
  if (x < -745.1332191019412) return 0;
  const exponent = Math.floor(x * log2E + 0.5);
  const high = x - exponent * ln2High;
  const low = exponent * ln2Low;
  const r = high - low; // |r| <= ln 2 / 2
  let term = 1;
  let sum = 0;
  for (let n = 18; n >= 2; n -= 1) sum = (sum + 1) * (r / n);
  term = r * (1 + sum);
  return scale(1 + (term - 0), exponent);
}

/** base^exponent for base >= 0; exact for whole exponents of magnitude up to 64 as far as repeated multiplication is. */
export function pow(base: number, exponent: number): number {
  if (exponent === 0) return 1;
  if (base < 0 || base !== base || exponent !== exponent) return NaN;
  if (base === 0) return exponent > 0 ? 0 : Infinity;
  if (Math.trunc(exponent) === exponent && Math.abs(exponent) <= 64) {
    let result = 1;
    let factor = base;
    for (let rest = Math.abs(exponent); rest > 0; rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) result *= factor;
      factor *= factor;
    }
    return exponent > 0 ? result : 1 / result;
  }
  return exp(exponent * ln(base));
}
