/** Numbers and units as they are read. */

/**
 * A number of a trace: three decimals where they say something, a real minus, no "-0.000".
 * @param {number} value
 */
export function plain(value) {
    if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 5e-4 || size >= 1e4)) return exponent(value);
    const text = size.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3);
    return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/**
 * The value of an equation, as the server writes numbers into the equations after it: whoever reads
 * both must see one number. It is rounded here once, from the value in full.
 * @param {number | null} value
 */
export function filled(value) {
    if (value === null || !Number.isFinite(value)) return plain(Number(value ?? Number.NaN));
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e5)) {
        const [mantissa, power] = value.toExponential(2).split("e");
        const digits = power.slice(1).padStart(2, "0");
        return `${mantissa}e${power[0]}${digits}`.replaceAll("-", "−");
    }
    return value.toFixed(3).replace("-", "−");
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** @param {number} value */
function exponent(value) {
    const [mantissa, power] = value.toExponential(1).split("e");
    const digits = [...power.replace("+", "").replace("-", "")]
        .map((digit) => RAISED[Number(digit)])
        .join("");
    return `${mantissa.replace("-", "−")}·10${power.startsWith("-") ? "⁻" : ""}${digits}`;
}

/**
 * A probability in per cent: as precise as it is worth reading.
 * @param {number} probability
 */
export function percent(probability) {
    const hundredths = probability * 100;
    if (hundredths > 0 && hundredths < 0.1) return "<0.1 %";
    if (hundredths < 100 && hundredths > 99.9) return ">99.9 %";
    return `${hundredths.toFixed(hundredths >= 10 || hundredths === 0 ? 0 : 1)} %`;
}

/**
 * A whole number with thousands apart.
 * @param {number} value
 */
export function whole(value) {
    return Math.round(value).toLocaleString("en").replaceAll(",", "\u202f");
}

/**
 * A number ready for its unit, with a prefix of a thousand: "4.7 k", "1.2 M", "12 ".
 * @param {number} value
 */
export function short(value) {
    for (const [size, name] of /** @type {[number, string][]} */ ([
        [1e9, "G"],
        [1e6, "M"],
        [1e3, "k"],
    ])) {
        if (value >= size) return `${Number((value / size).toPrecision(3))} ${name}`;
    }
    return `${Math.round(value)} `;
}

const MARKS = new Map([
    [" ", "␣"],
    ["\n", "⏎"],
    ["\t", "⇥"],
    ["\r", "␍"],
    ["\u00a0", "⍽"],
    ["", "∅"],
]);

/**
 * A unit with what cannot be seen made visible.
 * @param {string} unit
 */
export function visible(unit) {
    return MARKS.get(unit) ?? unit.replace(/[ \n\t\r]/g, (mark) => MARKS.get(mark) ?? mark);
}

/**
 * The largest power of ten that is not above a size, and how far the size reaches beyond it: for log axes.
 * @param {number} smallest
 * @param {number} largest
 * @returns {number[]} whole exponents that span both
 */
export function decades(smallest, largest) {
    const from = Math.floor(Math.log10(smallest));
    const to = Math.max(from + 1, Math.ceil(Math.log10(largest)));
    const every = Math.max(1, Math.ceil((to - from) / 6));
    const found = [];
    for (let power = from; power <= to; power += every) found.push(power);
    return found;
}

/**
 * About `count` round numbers that span an interval.
 * @param {number} from
 * @param {number} to
 * @param {number} count
 */
export function ticks(from, to, count) {
    if (!(to > from)) return [from];
    const raw = (to - from) / count;
    const size = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((factor) => factor * size).find((width) => width >= raw) ?? raw;
    const found = [];
    for (let at = Math.ceil(from / step) * step; at <= to + step * 1e-9; at += step)
        found.push(Number(at.toPrecision(12)));
    return found;
}
