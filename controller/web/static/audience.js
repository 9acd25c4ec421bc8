// The audience: a tree of areas and gateways. Ticking an area ticks all below it; taking one out unticks what
// lies above, because "the whole commune" is then no longer meant.

import { word } from "./words.js";

export class Audience {
  constructor(form) {
    this.tree = form.querySelector(".tree");
    this.tally = document.getElementById("audience-count");
    this.tree.addEventListener("change", ({ target }) => {
      this.#spread(target);
      this.settle();
    });
  }

  get chosen() {
    return [...this.tree.querySelectorAll("[name=gateway]:checked")];
  }

  get online() {
    return this.chosen.filter((box) => box.dataset.contact === "online").length;
  }

  settle() {
    const count = this.chosen.length;
    this.tally.textContent = count ? word("audience", { count, online: this.online }) : word("audience_none");
  }

  // Whole areas by themselves, so that a gateway that is added to one later is meant as well.
  wanted() {
    const areas = [];
    const gateways = [];
    const walk = (list) => {
      for (const item of list.children) {
        const box = ownBox(item);
        if (box.checked) {
          (box.name === "area" ? areas : gateways).push(box.name === "area" ? Number(box.value) : box.value);
        } else {
          item.querySelectorAll(":scope > ul, :scope > details > ul").forEach(walk);
        }
      }
    };
    walk(this.tree);
    return { areas, gateways };
  }

  #spread(box) {
    const item = box.closest("li");
    for (const below of item.querySelectorAll("input[type=checkbox]")) {
      below.checked = box.checked;
    }
    if (!box.checked) {
      for (let above = item.parentElement.closest("li"); above; above = above.parentElement.closest("li")) {
        ownBox(above).checked = false;
      }
    }
  }
}

const ownBox = (item) => item.querySelector("input[type=checkbox]");
