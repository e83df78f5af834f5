/** The views of the page as tabs, each with a link of its own. */

import { make, say, sayAgain } from "./core/dom.js";

/**
 * @typedef {object} View
 * @property {string} name its link
 * @property {string | null} refused the key of the reason why the model cannot do it
 * @property {() => {element: Element, shown?: () => void, hidden?: () => void}} open makes it, once
 */

export class Tabs {
    /** @param {View[]} views */
    constructor(views) {
        this.views = views;
        /** @type {Map<string, {element: Element, shown?: () => void, hidden?: () => void}>} */
        this.opened = new Map();
        this.reason = make("p", { class: "tab-reason", role: "status" });
        this.buttons = views.map((view) => this.button(view));
        this.panels = views.map((view) =>
            make("section", {
                role: "tabpanel",
                id: `panel-${view.name}`,
                "aria-labelledby": `tab-${view.name}`,
                tabindex: "-1",
                hidden: true,
            }),
        );
        this.list = make(
            "div",
            { role: "tablist", class: "tabs", sayLabel: "tabs.label" },
            this.buttons,
        );
        this.chosen = -1;
        window.addEventListener("hashchange", () => this.follow());
    }

    /** Show what the address names, or the first view. */
    follow() {
        const index = this.views.findIndex((view) => `#${view.name}` === window.location.hash);
        const isRefused = index >= 0 && this.views[index].refused !== null;
        const before =
            this.chosen >= 0 ? this.chosen : this.views.findIndex((view) => !view.refused);
        this.choose(index >= 0 && !isRefused ? index : before, false);
        if (isRefused) this.refuse(index);
    }

    /** @param {View} view */
    button(view) {
        const index = this.views.indexOf(view);
        return make("button", {
            type: "button",
            role: "tab",
            id: `tab-${view.name}`,
            class: "tab",
            "aria-controls": `panel-${view.name}`,
            "aria-disabled": view.refused ? "true" : null,
            say: `tabs.${view.name}`,
            sayTitle: view.refused,
            on: {
                click: () => (view.refused ? this.refuse(index) : this.choose(index, true)),
                keydown: (/** @type {KeyboardEvent} */ event) => this.key(event, index),
            },
        });
    }

    /**
     * @param {KeyboardEvent} event
     * @param {number} index
     */
    key(event, index) {
        const count = this.views.length;
        const targets = /** @type {Record<string, number>} */ ({
            ArrowRight: (index + 1) % count,
            ArrowLeft: (index + count - 1) % count,
            Home: 0,
            End: count - 1,
        });
        if (!(event.key in targets)) return;
        event.preventDefault();
        const target = targets[event.key];
        this.buttons[target].focus();
        if (this.views[target].refused) this.refuse(target);
        else this.choose(target, true);
    }

    /** @param {number} index */
    refuse(index) {
        say(this.reason, /** @type {string} */ (this.views[index].refused));
        this.reason.hidden = false;
        this.buttons.forEach(
            (button, other) =>
                (button.tabIndex = other === index || other === this.chosen ? 0 : -1),
        );
    }

    /**
     * @param {number} index
     * @param {boolean} link whether the address follows
     */
    choose(index, link) {
        this.reason.hidden = true;
        if (link && window.location.hash !== `#${this.views[index].name}`)
            window.history.pushState(null, "", `#${this.views[index].name}`);
        if (index === this.chosen) return;
        const before = this.views[this.chosen];
        this.chosen = index;
        if (before) this.opened.get(before.name)?.hidden?.();
        this.buttons.forEach((button, other) => {
            button.setAttribute("aria-selected", String(other === index));
            button.tabIndex = other === index ? 0 : -1;
            this.panels[other].hidden = other !== index;
        });
        const view = this.views[index];
        let opened = this.opened.get(view.name);
        if (!opened) {
            opened = view.open();
            this.opened.set(view.name, opened);
            this.panels[index].append(opened.element);
            sayAgain(this.panels[index]);
        }
        opened.shown?.();
    }
}
