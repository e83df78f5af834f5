/** Edits of lines of text: each returns new lines and where the caret then stands. */

/** @typedef {{lines: string[], line: number, column: number}} Edit */

/**
 * Cut text into lines, of whatever system.
 * @param {string} text
 */
export function toLines(text) {
    return text.replaceAll("\t", "  ").split(/\r\n|\r|\n/);
}

/**
 * Put text, of one line or many, in the place of what is selected in a line.
 * @param {string[]} lines
 * @param {number} line
 * @param {number} from
 * @param {number} to
 * @param {string} text
 * @returns {Edit}
 */
export function insertAt(lines, line, from, to, text) {
    const pieces = toLines(text);
    const [before, after] = [lines[line].slice(0, from), lines[line].slice(to)];
    const last = pieces.length - 1;
    const column = (last ? 0 : before.length) + pieces[last].length;
    pieces[0] = before + pieces[0];
    pieces[last] += after;
    return {
        lines: [...lines.slice(0, line), ...pieces, ...lines.slice(line + 1)],
        line: line + last,
        column,
    };
}

/**
 * Join a line to the one before it.
 * @param {string[]} lines
 * @param {number} line not the first
 * @returns {Edit}
 */
export function joinBefore(lines, line) {
    const joined = lines[line - 1] + lines[line];
    return {
        lines: [...lines.slice(0, line - 1), joined, ...lines.slice(line + 1)],
        line: line - 1,
        column: lines[line - 1].length,
    };
}
