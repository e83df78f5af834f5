/** MathML from the server, rebuilt from a list of what may stand in it. */

const NAMESPACE = "http://www.w3.org/1998/Math/MathML";

const ELEMENTS = new Set(
    (
        "math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover " +
        "mtable mtr mtd mstyle mpadded mphantom menclose"
    ).split(" "),
);
const ATTRIBUTES = new Set(
    "display accent columnalign stretchy fence separator form mathvariant width scriptlevel displaystyle".split(
        " ",
    ),
);

/**
 * Return a `<math>` element that holds nothing but mathematics; what is not on the list is left out.
 * @param {string} markup
 * @returns {Element | null} null where the markup is not one
 */
export function readMath(markup) {
    const read = new DOMParser().parseFromString(markup, "application/xml");
    const root = read.documentElement;
    if (root.nodeName !== "math" || read.querySelector("parsererror")) return null;
    return copied(root);
}

/**
 * @param {Element} element
 * @returns {Element | null}
 */
function copied(element) {
    if (!ELEMENTS.has(element.localName)) return null;
    const copy = document.createElementNS(NAMESPACE, element.localName);
    for (const { name, value } of element.attributes) {
        if (ATTRIBUTES.has(name)) copy.setAttribute(name, value);
    }
    for (const child of element.childNodes) {
        if (child.nodeType === Node.TEXT_NODE) copy.append(child.textContent ?? "");
        else if (child instanceof Element) {
            const inner = copied(child);
            if (inner) copy.append(inner);
        }
    }
    return copy;
}
