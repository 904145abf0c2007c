"use strict";
(() => {
  const MOST = 50;
  const data = JSON.parse(document.getElementById("searched").textContent);
  const box = document.getElementById("search");
  const told = document.getElementById("search-told");
  const found = document.getElementById("search-found");
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const labels = data.labels.map(([label, also, counts, right, anchor]) => ({
    label, also, counts, right, anchor, folded: fold(label + " " + also),
  }));
  const cards = [...document.querySelectorAll("[data-labels]")].map((card) => ({
    card, folded: fold(card.dataset.labels),
  }));
  const holds = (folded, words) => words.every((word) => folded.includes(word));
  const cell = (row, tag, text, name) => {
    const made = row.appendChild(document.createElement(tag));
    made.textContent = text;
    if (name) made.className = name;
    return made;
  };

  function show() {
    const words = fold(box.value).split(/\s+/).filter(Boolean);
    let shownCards = 0;
    for (const { card, folded } of cards) {
      card.hidden = !holds(folded, words);
      shownCards += !card.hidden;
    }
    for (const group of document.querySelectorAll("[data-group]")) {
      group.hidden = !group.querySelector("[data-labels]:not([hidden])");
    }
    const matching = words.length ? labels.filter((each) => holds(each.folded, words)) : labels;
    const rows = matching.slice(0, MOST).map((each) => {
      const row = document.createElement("tr");
      const head = cell(row, "th", "");
      head.title = each.also || each.label;
      if (each.anchor) {
        const link = head.appendChild(document.createElement("a"));
        link.href = "#" + each.anchor;
        link.textContent = each.label;
      } else head.textContent = each.label;
      each.counts.forEach((count, at) => {
        const made = cell(row, "td", count.toLocaleString("en"));
        if (each.right[at] !== null && each.right[at] !== undefined) {
          cell(made, "small", each.right[at].toLocaleString("en") + " right", "soft");
        }
      });
      return row;
    });
    found.replaceChildren(...rows);
    const number = matching.length.toLocaleString("en");
    let text = words.length
      ? `${number} of ${labels.length.toLocaleString("en")} labels match`
      : `${number} labels, the most frequent first`;
    if (matching.length > MOST) text += `; ${MOST} are shown, more letters find fewer`;
    if (data.left) text += `; ${data.left.toLocaleString("en")} rarer ones cannot be searched`;
    if (words.length && cards.length) text += `. Pictures below: ${shownCards} of ${cards.length}`;
    told.textContent = text + ".";
  }

  let waiting = 0;
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 80);
  });
  document.getElementById("search-part").hidden = false;
  show();
})();
