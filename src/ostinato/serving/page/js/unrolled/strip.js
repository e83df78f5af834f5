/** Values over the units of a layer, as a strip of colours. */

import { diverging } from "../core/colors.js";
import { sampled } from "../core/virtual.js";

/**
 * Draw a strip; where there are more units than pixels, some are left out.
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} values
 * @param {number} scale the value of the full colour
 * @param {number} width in CSS pixels
 * @param {number} height
 */
export function drawStrip(canvas, values, scale, width, height) {
    const density = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(width * density));
    canvas.height = Math.max(1, Math.round(height * density));
    const paint = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    drawRow(paint, values, scale, canvas.width, 0, canvas.height);
}

/**
 * @param {CanvasRenderingContext2D} paint
 * @param {ArrayLike<number>} values
 * @param {number} scale
 * @param {number} width in pixels of the canvas
 * @param {number} top
 * @param {number} height
 */
export function drawRow(paint, values, scale, width, top, height) {
    const shown = sampled(values, width);
    const image = paint.createImageData(width, 1);
    for (let x = 0; x < width; x += 1) {
        const value = shown.length ? shown[Math.floor((x * shown.length) / width)] : 0;
        image.data.set([...diverging(value / scale), 255], x * 4);
    }
    for (let y = 0; y < height; y += 1) paint.putImageData(image, 0, top + y);
}
