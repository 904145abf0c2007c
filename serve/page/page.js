// The page of the endpoint: each image becomes a card, each card one request.
// Text from the server and from file names enters the page as textContent only.

const MOST_CARDS = 100;
const MOST_REQUESTS = 4;
const MOST_ATTEMPTS = 6;
const LONGEST_PAUSE_S = 30;
const HEALTH_EVERY_MS = 15_000;

const byId = (id) => document.getElementById(id);
const health = byId("health");
const select = byId("classifier");
const topK = byId("top-k");
const threshold = byId("threshold");
const list = byId("cards");

const roundTrips = [];
let cards = []; // in the order of the page
let classifiers = [];
let queue = [];
let leftOut = 0; // of the files added last, those beyond the most cards
let running = 0;

// ---------------------------------------------------------------- the endpoint

class Problem extends Error {
  constructor(sentence, { status = 0, retryAfter = 1 } = {}) {
    super(sentence);
    Object.assign(this, { status, retryAfter });
  }

  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

async function call(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Problem("The endpoint cannot be reached.");
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body) return body;
  const faults = (body?.errors ?? []).filter(({ field }) => field?.startsWith("images"));
  const sentence = faults.map(({ detail }) => detail).join("; ") || body?.detail || body?.title;
  const seconds = Number(response.headers.get("Retry-After") ?? 1);
  throw new Problem(sentence || `The endpoint answered ${response.status}.`, {
    status: response.status,
    retryAfter: Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), LONGEST_PAUSE_S) : 1,
  });
}

async function refresh() {
  try {
    await call("healthz");
    showHealth("ready", "Ready");
    showClassifiers(await call("v1/classifiers"));
  } catch (problem) {
    showHealth("problem", problem.status ? "Not ready" : "Unreachable", problem.message);
  }
}

function showHealth(state, text, title = "") {
  health.title = title;
  if (health.textContent === text) return; // a live region: the same words are not said again
  health.dataset.state = state;
  health.textContent = text;
}

// ---------------------------------------------------------------- settings

const chosen = () => classifiers.find((classifier) => classifier.name === select.value);

function showClassifiers({ default: first, classifiers: found, problems = [] }) {
  const notice = byId("notice");
  notice.hidden = problems.length === 0;
  notice.textContent = problems.map((problem) => `Not loaded: ${problem}.`).join(" ");
  if (JSON.stringify(found) === JSON.stringify(classifiers)) return;
  const before = select.value;
  classifiers = found;
  select.replaceChildren(...found.map(({ name }) => new Option(name, name)));
  select.value = found.some(({ name }) => name === before) ? before : first;
  select.disabled = found.length === 0;
  showFacts();
  if (before && before !== select.value) labelAll();
  else work();
}

function showFacts() {
  const classifier = chosen();
  byId("threshold-field").hidden = !classifier?.multi_label;
  if (!classifier) return byId("facts").replaceChildren();
  const { method, multi_label: multi, label_count: labels, version } = classifier;
  byId("facts").replaceChildren(
    ...[
      ["Method", method.replaceAll("_", " ")],
      ["Labels", `${labels}, ${multi ? "multi" : "single"}-label`],
      ["Version", version, "code"],
    ].map((fact) => definition(...fact)),
  );
}

function changeSettings() {
  if (![topK, threshold].every((field) => field.reportValidity())) return;
  showFacts();
  labelAll();
}

function request(file) {
  const body = new FormData();
  body.append("images", file, file.name);
  body.append("classifier", select.value);
  body.append("top_k", topK.value);
  if (chosen().multi_label && threshold.value) body.append("threshold", threshold.value);
  return body;
}

// ---------------------------------------------------------------- the queue

function labelAll() {
  queue = [];
  cards.forEach(ask);
  work();
}

function ask(card) {
  card.job?.abort();
  card.job = new AbortController();
  queue.push({ card, signal: card.job.signal });
  showWaiting(card, "Waiting");
}

function work() {
  while (running < MOST_REQUESTS && queue.length > 0 && chosen()) {
    const { card, signal } = queue.shift();
    if (signal.aborted) continue;
    running += 1;
    label(card, signal).finally(() => {
      running -= 1;
      work();
    });
  }
  summarise();
}

async function label(card, signal) {
  for (let attempt = 1; ; attempt += 1) {
    showWaiting(card, "Labelling");
    const started = performance.now();
    try {
      const body = request(card.file);
      const answer = await call("v1/classify", { method: "POST", body, signal });
      if (signal.aborted) return;
      roundTrips.push(performance.now() - started);
      showLabels(card, answer, roundTrips.at(-1));
      showLatency();
      return;
    } catch (problem) {
      if (signal.aborted) return;
      if (problem.status !== 429 || attempt === MOST_ATTEMPTS) {
        const told = await explained(problem, card.file);
        if (!signal.aborted) showProblem(card, told);
        return;
      }
      const seconds = problem.retryAfter;
      const next = `attempt ${attempt + 1} of ${MOST_ATTEMPTS}`;
      showWaiting(card, `Waiting: the endpoint is busy. Trying again in ${seconds} s, ${next}`);
      await pause(seconds * 1000, signal);
      if (signal.aborted) return;
    }
  }
}

// A file that the browser cannot read (a folder, a deleted file) fails as a lost network does.
async function explained(problem, file) {
  if (!(problem instanceof Problem)) return new Problem("The answer could not be understood.");
  if (problem.status !== 0) return problem;
  try {
    await file.slice(0, 1).arrayBuffer();
    refresh();
    return problem;
  } catch {
    return new Problem("The browser cannot read this file; it may be a folder or no longer exist.");
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", resolve, { once: true });
  });
}

// ---------------------------------------------------------------- cards

function add(files) {
  if (files.length === 0) return;
  const fresh = [...files].slice(0, MOST_CARDS).map(newCard);
  cards = [...fresh, ...cards];
  cards.splice(MOST_CARDS).forEach(remove);
  list.prepend(...fresh.map((card) => card.item));
  fresh.forEach(ask);
  leftOut = Math.max(files.length - MOST_CARDS, 0);
  work();
}

function newCard(file) {
  const item = byId("card").content.firstElementChild.cloneNode(true);
  const part = (name) => item.querySelector(`.${name}`);
  const card = { file, item, part, state: "waiting", job: null };
  const image = item.querySelector("img");
  image.src = URL.createObjectURL(file);
  const done = () => URL.revokeObjectURL(image.src);
  image.addEventListener("load", done);
  image.addEventListener("error", () => {
    done();
    part("frame").classList.add("empty");
  });
  part("name").textContent = part("name").title = file.name;
  part("bars").replaceChildren(...Array.from({ length: Math.min(topK.value, 10) }, blankRow));
  part("again").addEventListener("click", () => {
    ask(card);
    work();
  });
  return card;
}

function remove(card) {
  card.job.abort();
  card.item.remove();
}

function show(card, state, sentence) {
  card.state = card.item.dataset.state = state;
  card.item.setAttribute("aria-busy", state === "waiting");
  card.part("state").textContent = sentence;
  card.part("again").hidden = true;
}

function showWaiting(card, sentence) {
  if (card.state === "problem") card.part("verdict").textContent = "";
  show(card, "waiting", sentence);
}

function showLabels(card, { classifier, images: [{ labels, top }], timings }, roundTrip) {
  const multi = classifier.multi_label;
  show(card, "labels", "");
  const kept = new Set(labels.map(({ label }) => label));
  const ranking = [...labels, ...top.filter(({ label }) => !kept.has(label))];
  const widest = Math.max(1, ...ranking.map(({ score }) => score));
  card.part("verdict").textContent =
    labels.map(({ label }) => label).join(", ") || "No label above its threshold";
  card.part("bars").classList.toggle("multi", multi);
  card.part("bars").replaceChildren(
    ...ranking.map((entry) => row(entry, kept.has(entry.label), multi, widest)),
  );
  card.part("timings").replaceChildren(
    definition("Round trip", milliseconds(roundTrip)),
    definition("Decode", milliseconds(timings.decode_ms)),
    definition("Wait", milliseconds(timings.wait_ms)),
    definition("Model", milliseconds(timings.model_ms)),
  );
}

function showProblem(card, problem) {
  show(card, "problem", problem.message);
  card.part("verdict").textContent = "Not labelled";
  card.part("bars").replaceChildren();
  card.part("timings").replaceChildren();
  card.part("again").hidden = !problem.passing;
}

function row({ label: name, score }, kept, multi, widest) {
  const item = document.createElement("li");
  item.classList.toggle("kept", kept);
  const bar = span("");
  bar.style.width = `${(100 * Math.max(score, 0)) / widest}%`;
  const track = span("", "track");
  track.setAttribute("aria-hidden", "true");
  track.append(bar);
  const text = span(name, "label");
  if (multi && kept) text.append(span(" (a label of this image)", "hidden"));
  item.append(text, track, span(score.toFixed(2), "score"));
  return item;
}

function blankRow() {
  const item = document.createElement("li");
  item.className = "blank";
  item.setAttribute("aria-hidden", "true");
  item.append(span("", "track"), span("", "track"), span(""));
  return item;
}

function span(text, name = "") {
  const element = document.createElement("span");
  element.className = name;
  element.textContent = text;
  return element;
}

function definition(term, text, name = "") {
  const pair = document.createElement("div");
  const [dt, dd] = ["dt", "dd"].map((tag) => document.createElement(tag));
  dt.textContent = term;
  dd.textContent = text;
  dd.className = name;
  pair.append(dt, dd);
  return pair;
}

// ---------------------------------------------------------------- summary and latency

function summarise() {
  const count = (state) => cards.filter((card) => card.state === state).length;
  const images = (number) => `${number} ${number === 1 ? "image" : "images"}`;
  const problems = count("problem");
  let text = "";
  if (running + queue.length > 0) text = `Labelling ${images(cards.length)}`;
  else if (cards.length > 0) text = `${images(count("labels"))} labelled`;
  if (text && problems > 0) text += `, ${problems} with a problem`;
  if (text && leftOut > 0) text += `; the last ${leftOut} were left out`;
  if (byId("summary").textContent !== text) byId("summary").textContent = text;
}

function showLatency() {
  const sorted = roundTrips.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  const requests = `${sorted.length} ${sorted.length === 1 ? "request" : "requests"}`;
  byId("latency").textContent = `Round trip p50 ${milliseconds(median)} over ${requests}`;
}

const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

// ---------------------------------------------------------------- events

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
const dragging = (on) => document.body.classList.toggle("dragging", on);

byId("files").addEventListener("change", ({ target }) => {
  add(target.files);
  target.value = ""; // so that the same file can be chosen twice
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length === 0) return;
  event.preventDefault();
  add(event.clipboardData.files);
});
document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  dragging(true);
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) dragging(false);
});
document.addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  dragging(false);
  add(event.dataTransfer.files);
});
byId("clear").addEventListener("click", () => {
  cards.splice(0).forEach(remove);
  queue = [];
  summarise();
  byId("files").focus();
});
for (const field of [select, topK, threshold]) field.addEventListener("change", changeSettings);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});
setInterval(() => {
  if (!document.hidden) refresh();
}, HEALTH_EVERY_MS);
refresh();
