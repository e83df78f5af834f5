/** Equations to begin with. */

/** @type {{name: string, notation: "text" | "latex", text: string}[]} */
export const EXAMPLES = [
    { name: "elman", notation: "text", text: "h = tanh(W @ h + U @ x + b)" },
    {
        name: "gru",
        notation: "text",
        text: [
            "r = sigmoid(W_r @ [h, x] + b_r)",
            "z = sigmoid(W_z @ [h, x] + b_z)",
            "n = tanh(W_n @ [r * h, x] + b_n)",
            "h = (1 - z) * h + z * n",
        ].join("\n"),
    },
    {
        name: "lstm",
        notation: "text",
        text: [
            "i = sigmoid(W_i @ x + U_i @ h + b_i)",
            "f = sigmoid(W_f @ x + U_f @ h + b_f)",
            "g = tanh(W_g @ x + U_g @ h + b_g)",
            "o = sigmoid(W_o @ x + U_o @ h + b_o)",
            "c = f * c + i * g",
            "h = o * tanh(c)",
        ].join("\n"),
    },
    {
        name: "mingru",
        notation: "text",
        text: ["z = sigmoid(W_z @ x + b_z)", "n = W_n @ x + b_n", "h = (1 - z) * h + z * n"].join(
            "\n",
        ),
    },
    { name: "indrnn", notation: "text", text: "h = relu(W @ x + u * h + b)" },
    {
        name: "slide",
        notation: "latex",
        text: [
            String.raw`f_t = \sigma(W_f \cdot [h_{t-1}, x_t] + b_f)`,
            String.raw`i_t = \sigma(W_i \cdot [h_{t-1}, x_t] + b_i)`,
            String.raw`\tilde{C}_t = \tanh(W_C \cdot [h_{t-1}, x_t] + b_C)`,
            String.raw`C_t = f_t * C_{t-1} + i_t * \tilde{C}_t`,
            String.raw`o_t = \sigma(W_o [h_{t-1}, x_t] + b_o)`,
            String.raw`h_t = o_t * \tanh(C_t)`,
        ].join("\n"),
    },
];
