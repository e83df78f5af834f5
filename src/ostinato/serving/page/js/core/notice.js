/** What went wrong, where it can be read: what happened, what the server said, and the mend. */

import { RequestError } from "./api.js";
import { make, refill, say } from "./dom.js";
import { saidByServer } from "./said.js";
import { hasPhrase } from "../i18n/index.js";

/** A place for one message. It is empty while all is well. */
export class Notice {
    constructor() {
        this.element = make("div", { class: "notice-place", role: "alert" });
        this.timer = 0;
    }

    clear() {
        clearInterval(this.timer);
        if (this.element.firstChild) this.element.replaceChildren();
    }

    /**
     * Show an error; with `again`, offer to try again, after the time that the server asks for.
     * @param {unknown} error
     * @param {(() => void) | null} [again]
     */
    show(error, again = null) {
        clearInterval(this.timer);
        if (!(error instanceof RequestError)) throw error; // a mistake of the page belongs in the console
        const known = hasPhrase(`error.${error.code}`) ? error.code : statusName(error);
        const parts = [make("p", { class: "notice-title", say: `error.${known}` })];
        if (error.message)
            parts.push(saidByServer("p", error.message, { class: "notice-said" }));
        if (error.mend) {
            parts.push(
                make(
                    "p",
                    { class: "notice-mend" },
                    make("span", { class: "mend-word", say: "error.mend" }),
                    " ",
                    saidByServer("span", error.mend),
                ),
            );
        } else if (hasPhrase(`error.${known}.mend`)) {
            parts.push(make("p", { class: "notice-mend", say: `error.${known}.mend` }));
        }
        if (again) parts.push(this.button(again, error.retryAfter ?? 0));
        refill(
            this.element,
            make(
                "div",
                { class: "notice", "data-code": error.code },
                make("span", { class: "notice-mark", "aria-hidden": "true", text: "!" }),
                make("div", {}, parts),
            ),
        );
    }

    /**
     * @param {() => void} again
     * @param {number} seconds before which the server does not want to hear of it
     */
    button(again, seconds) {
        const button = make("button", {
            type: "button",
            class: "button small",
            on: {
                click: () => {
                    this.clear();
                    again();
                },
            },
        });
        let left = seconds;
        const label = () => {
            button.disabled = left > 0;
            say(button, left > 0 ? ["error.again_in", { seconds: left }] : "error.again");
            if (left <= 0) clearInterval(this.timer);
            left -= 1;
        };
        if (seconds > 0) this.timer = window.setInterval(label, 1000);
        label();
        return button;
    }
}

/** @param {RequestError} error */
function statusName(error) {
    switch (error.status) {
        case 413:
            return "too_large";
        case 422:
        case 400:
            return "invalid";
        case 429:
        case 503:
            return "busy";
        case 504:
            return "timeout";
        default:
            return "other";
    }
}
