"use strict";

const byId = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const whole = (count) => count.toLocaleString("en");
const FOUND = 8;

let state = null;
let classes = [];
let selected = 0;
let found = [];
let foundAt = 0;
let busy = true;

const ask = async (path, body) => {
  const sent = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const response = await fetch(path, sent);
  const content = await response.json();
  if (!response.ok) throw new Error(content.error || `status ${response.status}`);
  return content;
};

const say = (text, bad = false) => {
  byId("message").textContent = text;
  byId("message").classList.toggle("bad", bad);
};

const element = (tag, text, className) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
};

const nameOf = (label) => {
  const known = classes.find((names) => names[0] === label);
  return known && known.length > 1 ? known[1] : label;
};

const run = async (work, said) => {
  if (busy) return;
  busy = true;
  try {
    state = await work();
    show();
    say(said || "");
    document.body.dataset.turn = String(Number(document.body.dataset.turn) + 1);
  } catch (error) {
    say(error.message, true);
  }
  busy = false;
};

const answer = (kind, label = "") => {
  if (!state || !state.image) return;
  const told = {
    label: `Noted: ${nameOf(label)}`, none: "Noted: no class fits", skip: "Skipped",
  }[kind];
  const sent = { image_id: state.image.image_id, answer: kind, label };
  run(() => ask("api/answer", sent), told);
};

const undo = () => run(() => ask("api/undo", {}), "The last answer is taken back");

const confirm = () => {
  if (!state || !state.image) return;
  if (byId("search").value.trim()) {
    if (found.length) answer("label", found[foundAt][0]);
    else if (state.open_list) answer("label", byId("search").value.trim());
    else say("No class has such a name", true);
    return;
  }
  answer("label", state.image.choices[selected].label);
};

const showChoices = () => {
  byId("choices").replaceChildren(...state.image.choices.map((choice, at) => {
    const row = element("li");
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(at === selected && !byId("search").value.trim()));
    row.append(
      element("kbd", String(at + 1)),
      element("span", nameOf(choice.label)),
      element("span", choice.score === null ? "" : choice.score.toFixed(2), "number"),
    );
    row.addEventListener("click", () => answer("label", choice.label));
    return row;
  }));
  const wrong = selected !== 0 || byId("search").value.trim();
  byId("confirm").firstElementChild.textContent = wrong ? "Correct" : "Confirm";
};

const rank = (names, typed) => {
  let best = 9;
  for (const name of names) {
    const word = name.toLowerCase();
    if (word === typed) best = Math.min(best, 0);
    else if (word.startsWith(typed)) best = Math.min(best, 1);
    else if (word.includes(` ${typed}`)) best = Math.min(best, 2);
    else if (word.includes(typed)) best = Math.min(best, 3);
  }
  return best;
};

const search = () => {
  const typed = byId("search").value.trim().toLowerCase();
  found = !typed ? [] : classes
    .map((names) => [rank(names, typed), names])
    .filter(([place]) => place < 9)
    .sort((one, two) => one[0] - two[0])
    .slice(0, FOUND)
    .map(([, names]) => names);
  foundAt = 0;
  showFound();
};

const showFound = () => {
  byId("found").replaceChildren(...found.map((names, at) => {
    const row = element("li");
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(at === foundAt));
    row.append(
      element("span", names.length > 1 ? names[1] : names[0]),
      element("small", names.length > 1 && names[0] !== names[1] ? names[0] : ""),
    );
    row.addEventListener("click", () => answer("label", names[0]));
    return row;
  }));
  if (state && state.image) showChoices();
};

const leaveSearch = () => {
  byId("search").value = "";
  byId("search").blur();
  search();
};

const showPicture = (image) => {
  const picture = byId("picture");
  picture.hidden = false;
  byId("no-picture").hidden = true;
  picture.alt = image.path;
  picture.src = `image/${image.image_id}`;
  byId("path").textContent = image.path;
};

byId("picture").addEventListener("error", async () => {
  if (!byId("picture").getAttribute("src")) return;
  let why = "";
  try {
    why = (await (await fetch(byId("picture").src)).json()).error;
  } catch {
    why = "the review has ended";
  }
  byId("picture").hidden = true;
  byId("no-picture").hidden = false;
  byId("no-picture").textContent = `The image cannot be shown: ${why}. Skip it.`;
});

const row = (list, name, value) => list.append(element("dt", name), element("dd", value));

const showFigures = (figures) => {
  const known = figures.accuracy !== null;
  byId("accuracy").textContent = known ? percent(figures.accuracy) : "-";
  byId("range").hidden = !known;
  byId("interval").textContent = known
    ? `95 % interval: ${percent(figures.low)} to ${percent(figures.high)}`
    : "The first answer gives a first figure";
  if (known) {
    byId("between").style.left = `${100 * figures.low}%`;
    byId("between").style.width = `${100 * (figures.high - figures.low)}%`;
    byId("point").style.left = `${100 * figures.accuracy}%`;
  }
  const more = figures.more_answers;
  byId("needed").textContent = more === null ? "Too few images for ± 2 points"
    : more === 0 ? "Within ± 2 points"
      : `About ${whole(more)} more ${more === 1 ? "answer" : "answers"} to ± 2 points`;
  const counts = byId("counts");
  counts.replaceChildren();
  row(counts, "images with a label", whole(figures.images));
  const errors = Object.values(figures.errors).reduce((sum, count) => sum + count, 0);
  if (errors) row(counts, "with an error, not drawn", whole(errors));
  row(counts, "answers", whole(figures.answers));
  if (figures.skipped) row(counts, "skipped", whole(figures.skipped));
  if (figures.no_class_fits) row(counts, "no class fits", whole(figures.no_class_fits));
  if (figures.not_drawn) row(counts, "answers on other images", whole(figures.not_drawn));
  for (const [who, count] of Object.entries(figures.reviewers)) {
    if (Object.keys(figures.reviewers).length > 1) row(counts, `by ${who}`, whole(count));
  }
  if (figures.reviewed_twice) {
    row(counts, "by several, agreed", `${figures.reviewed_twice - figures.disagreements} of ${figures.reviewed_twice}`);
  }
  const disputed = byId("disputed");
  disputed.hidden = !figures.disagreements;
  disputed.firstElementChild.textContent = `Disagreements: ${figures.disagreements}`;
  disputed.lastElementChild.replaceChildren(...figures.disagreed.map((each) => {
    const said = Object.entries(each.said).map(([who, label]) => `${who}: ${nameOf(label)}`);
    const again = element("button", said.join(" / "));
    again.title = each.path;
    again.addEventListener("click", () => {
      again.blur();
      run(() => ask(`api/image/${each.image_id}`), "Look again");
    });
    const line = element("li");
    line.append(again);
    return line;
  }));
  byId("classes").lastElementChild.tBodies[0].replaceChildren(...figures.per_class.map((each) => {
    const line = element("tr");
    line.append(
      element("td", nameOf(each.label)),
      element("td", String(each.answers)),
      element("td", percent(each.accuracy)),
      element("td", `${Math.round(100 * each.low)}-${Math.round(100 * each.high)}`),
    );
    return line;
  }));
  byId("corrections").hidden = !figures.corrections.length;
  byId("corrections").lastElementChild.replaceChildren(...figures.corrections.map((each) =>
    element("li", `${nameOf(each.predicted)} → ${nameOf(each.label)}: ${each.images}`)));
};

const show = () => {
  const image = state.image;
  byId("who").textContent = `as ${state.reviewer}`;
  selected = 0;
  leaveSearch();
  showFigures(state.figures);
  for (const id of ["confirm", "none", "skip"]) byId(id).disabled = !image;
  if (!image) {
    byId("question").textContent = "Every image that was drawn has an answer";
    byId("choices").replaceChildren();
    byId("picture").hidden = true;
    byId("path").textContent = "";
    return;
  }
  const asked = element("b", nameOf(image.predicted));
  byId("question").replaceChildren("Is it ", asked, "?");
  showPicture(image);
  showChoices();
  if (state.after) new Image().src = `image/${state.after}`;
  window.scrollTo(0, 0);
};

const move = (by) => {
  if (!state || !state.image) return;
  if (found.length) {
    foundAt = Math.max(0, Math.min(found.length - 1, foundAt + by));
    showFound();
  } else {
    selected = Math.max(0, Math.min(state.image.choices.length - 1, selected + by));
    showChoices();
  }
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = document.activeElement === byId("search");
  const elsewhere = !typing && ["BUTTON", "SUMMARY"].includes(document.activeElement.tagName);
  const { key } = event;
  let known = true;
  if (key === "ArrowDown") move(1);
  else if (key === "ArrowUp") move(-1);
  else if (key === "Escape") leaveSearch();
  else if (key === "Enter" && !elsewhere) { if (!event.repeat) confirm(); }
  else if (typing || event.repeat) known = false;
  else if (key === "0") answer("none");
  else if (/^[1-9]$/.test(key)) {
    const choice = state && state.image && state.image.choices[Number(key) - 1];
    if (choice) answer("label", choice.label);
  } else if (key === "u") undo();
  else if (key === "s") answer("skip");
  else if (key === "/") byId("search").focus();
  else {
    if (/^\p{L}$/u.test(key)) byId("search").focus(); // the letter goes in by itself
    known = false;
  }
  if (known) event.preventDefault();
});

byId("search").addEventListener("input", search);
for (const [id, action] of [
  ["confirm", confirm], ["none", () => answer("none")], ["skip", () => answer("skip")], ["undo", undo],
]) {
  byId(id).addEventListener("click", () => {
    byId(id).blur();
    action();
  });
}

(async () => {
  try {
    classes = await ask("api/classes");
    state = await ask("api/state");
    busy = false;
    document.body.dataset.turn = "0";
    show();
  } catch (error) {
    say(error.message, true);
  }
})();
