// What the page cannot do without a script: keys, copying, the basket, uploads, an API key for the tab.
// Every view works without it. Texts of documents are only ever set as text, never as markup.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/** Creates an element with attributes and children; strings become text. */
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value == null) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

function say(text) {
  $(".toast")?.remove();
  const toast = el("p", { class: "toast", role: "status" }, text);
  document.body.append(toast);
  setTimeout(() => toast.remove(), 2500);
}

/** Storage that may be forbidden or full. */
function stored(storage, name) {
  try {
    return window[storage].getItem(name);
  } catch {
    return null;
  }
}

function store(storage, name, value) {
  try {
    if (value == null) window[storage].removeItem(name);
    else window[storage].setItem(name, value);
    return true;
  } catch {
    say("This browser does not let the page keep anything.");
    return false;
  }
}

// --- The API key, kept for the tab -----------------------------------------------------------------------

const KEY = "antiphon-key";
const apiKey = () => stored("sessionStorage", KEY);
const authorization = () => (apiKey() ? { authorization: `Bearer ${apiKey()}` } : {});

/** Paths that browsers open without a key, or that are not pages. */
const isPage = (url) => url.origin === location.origin && !/^\/(v1|docs|assets|metrics|openapi\.json)(\/|$)/.test(url.pathname);

/** With a key, pages are fetched with it and put in the place of this one. */
async function visit(address, { push = true, scroll = null } = {}) {
  const url = new URL(address, location.href);
  let response;
  try {
    response = await fetch(url, { headers: authorization() });
  } catch {
    location.href = url;
    return;
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (response.status === 401) store("sessionStorage", KEY, null);
  document.title = page.title;
  document.body.replaceChildren(...page.body.childNodes);
  if (push) history.pushState({}, "", url);
  enhance();
  const target = url.hash && document.getElementById(decodeURIComponent(url.hash.slice(1)));
  if (scroll != null) window.scrollTo(0, scroll);
  else if (target) target.scrollIntoView();
  else window.scrollTo(0, 0);
  $("main")?.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || !apiKey() || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href.baseVal ?? link.href, location.href);
  const isHere = url.pathname === location.pathname && url.search === location.search && url.hash;
  if (!isPage(url) || isHere) return;
  event.preventDefault();
  visit(url);
});

window.addEventListener("popstate", () => {
  if (apiKey()) visit(location.href, { push: false });
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.action === "key") {
    event.preventDefault();
    store("sessionStorage", KEY, new FormData(form).get("key").trim());
    visit(location.pathname === "/key" ? "/" : location.href, { push: location.pathname === "/key" });
  } else if (form.method === "get" && apiKey()) {
    event.preventDefault();
    const url = new URL(form.action);
    url.search = new URLSearchParams(new FormData(form)).toString();
    visit(url);
  }
});

// --- Copying ---------------------------------------------------------------------------------------------

async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without HTTPS browsers have no clipboard for pages; a selection still can be copied.
    const area = el("textarea", { readonly: true, class: "visually-hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) return say("The browser did not allow copying.");
  }
  say(`${what} copied`);
}

/** Returns a passage's text without the numbers of its sentences. */
function textOf(passage) {
  const copy = passage.cloneNode(true);
  $$(".n", copy).forEach((number) => number.remove());
  return copy.textContent;
}

// --- The basket ------------------------------------------------------------------------------------------

const BASKET = "antiphon-basket";
const JUDGEMENTS = ["right", "wrong", "unsure"];

function basket() {
  try {
    const items = JSON.parse(stored("localStorage", BASKET) ?? "[]");
    return Array.isArray(items) ? items.filter(isItem) : [];
  } catch {
    return [];
  }
}

function saveBasket(items) {
  return store("localStorage", BASKET, JSON.stringify(items));
}

const isText = (value) => typeof value === "string";
const isSide = (side) => side && isText(side.passage) && isText(side.hash) && isText(side.text);
const isItem = (item) => item && (item.kind === "pair" ? isSide(item.source) && isSide(item.target) : item.kind === "passage" && isSide(item));

/** Items are the same if their texts are. */
const hashOf = (item) => (item.kind === "pair" ? `${item.source.hash}+${item.target.hash}` : item.hash);

/** Returns the item that an element of the page shows. */
function itemOf(element) {
  if (element.dataset.pair) return { kind: "pair", ...JSON.parse(element.dataset.pair) };
  const item = { kind: "passage", ...JSON.parse(element.dataset.item) };
  const query = new URLSearchParams(location.search).get("q");
  return { ...item, text: textOf($(".passage", element)), ...(query ? { query } : {}) };
}

function toggleKept(element) {
  const item = itemOf(element);
  const items = basket();
  const others = items.filter((kept) => hashOf(kept) !== hashOf(item));
  const isNew = others.length === items.length;
  const kept = { ...item, tags: [], judgement: "", kept: new Date().toISOString() };
  if (saveBasket(isNew ? [...others, kept] : others)) say(isNew ? "Kept in the basket" : "Taken out of the basket");
  showKept();
}

function showKept() {
  const kept = new Set(basket().map(hashOf));
  for (const button of $$('[data-action="keep"]')) {
    const element = button.closest("[data-item], [data-pair]");
    const data = JSON.parse(element.dataset.pair ?? element.dataset.item);
    const isKept = kept.has(element.dataset.pair ? `${data.source.hash}+${data.target.hash}` : data.hash);
    button.textContent = isKept ? "Kept" : "Keep";
    button.classList.toggle("kept", isKept);
    button.setAttribute("aria-pressed", isKept);
  }
}

const readHref = (side) => {
  const [document, ordinal] = side.passage.split(/#p(?=[0-9]+$)/);
  return `/read/${encodeURIComponent(document)}#p${ordinal ?? 1}`;
};

function sideView(side) {
  const about = [side.speaker, side.date].filter(isText).join(" · ");
  return el("div", {},
    el("p", { class: "byline" }, el("a", { href: readHref(side) }, el("bdi", {}, isText(side.title) ? side.title : side.passage)), about && " · ", about && el("bdi", {}, about)),
    el("blockquote", { class: "passage", dir: "auto" }, side.text));
}

function itemView(item) {
  const change = (changes) => saveBasket(basket().map((kept) => (hashOf(kept) === hashOf(item) ? { ...kept, ...changes } : kept)));
  const name = `judgement-${hashOf(item)}`;
  const judgements = el("fieldset", {}, el("legend", { class: "visually-hidden" }, "Judgement"),
    ...JUDGEMENTS.map((judgement) => el("label", {},
      el("input", { type: "radio", name, value: judgement, checked: item.judgement === judgement, onchange: () => change({ judgement }) }), " ", judgement)));
  const tags = el("input", { type: "text", placeholder: "tags, separated by commas", "aria-label": "Tags",
    onchange: (event) => change({ tags: event.target.value.split(",").map((tag) => tag.trim()).filter(Boolean) }) });
  tags.value = (Array.isArray(item.tags) ? item.tags : []).filter(isText).join(", ");
  const remove = el("button", { type: "button", onclick: () => { saveBasket(basket().filter((kept) => hashOf(kept) !== hashOf(item))); showBasket(); } }, "Take out");
  const link = item.kind === "pair" && `/pair?${new URLSearchParams({ source: item.source.passage, target: item.target.passage })}`;
  return el("li", { class: "hit" },
    item.kind === "pair" ? el("div", { class: "pair-of" }, sideView(item.source), sideView(item.target)) : sideView(item),
    isText(item.query) ? el("p", { class: "quiet" }, "found by “", el("bdi", {}, item.query), "”") : null,
    el("div", { class: "judge" }, judgements, tags, el("span", { class: "actions" }, link ? el("a", { href: link }, "Side by side") : null, remove)));
}

function showBasket() {
  const place = $("[data-basket-items]");
  if (!place) return;
  const items = basket();
  place.replaceChildren(...items.map(itemView));
  $("[data-basket-count]").textContent = items.length === 1 ? "1 item" : `${items.length} items`;
}

// A formula in a spreadsheet begins with one of these.
const csvCell = (value) => {
  const text = String(value ?? "");
  return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
};
const COLUMNS = ["kind", "passage", "hash", "speaker", "date", "title", "text", "passage_2", "hash_2", "speaker_2", "date_2", "title_2", "text_2", "confidence", "query", "judgement", "tags", "kept"];
const SIDE = ["passage", "hash", "speaker", "date", "title", "text"];

function toCsv(items) {
  const rows = items.map((item) => {
    const [a, b] = item.kind === "pair" ? [item.source, item.target] : [item, {}];
    return [item.kind, ...SIDE.map((name) => a[name]), ...SIDE.map((name) => b[name]), item.confidence, item.query, item.judgement, (item.tags ?? []).join(", "), item.kept];
  });
  return [COLUMNS, ...rows].map((row) => row.map(csvCell).join(",") + "\r\n").join("");
}

/** Parses CSV (RFC 4180). */
function parseCsv(text) {
  const rows = [];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    const row = rows.at(-1)?.open ? rows.at(-1) : (rows.push({ open: true, cells: [] }), rows.at(-1));
    row.cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ",") row.open = false;
    if (end === "") break;
  }
  return rows.map((row) => row.cells).filter((cells) => cells.length > 1);
}

function fromCsv(text) {
  const [names = [], ...rows] = parseCsv(text.replace(/^\ufeff/, ""));
  return rows.map((row) => {
    const cell = (name) => (row[names.indexOf(name)] ?? "").replace(/^'(?=[=+\-@\t\r])/, "");
    const side = (suffix) => Object.fromEntries(SIDE.map((name) => [name, cell(name + suffix)]));
    const about = { judgement: cell("judgement"), tags: cell("tags").split(",").map((tag) => tag.trim()).filter(Boolean), kept: cell("kept"), ...(cell("query") ? { query: cell("query") } : {}) };
    return cell("kind") === "pair"
      ? { kind: "pair", source: side(""), target: side("_2"), confidence: Number(cell("confidence")), ...about }
      : { kind: cell("kind"), ...side(""), ...about };
  });
}

const oneLine = (text) => text.replace(/\s+/g, " ").trim();

/** Judged pairs: score, text, text, separated by tabs. */
function toGoldPairs(items) {
  const scores = { right: 5, wrong: 0, unsure: 2.5 };
  const judged = items.filter((item) => item.kind === "pair" && item.judgement in scores);
  return judged.map((item) => [scores[item.judgement], oneLine(item.source.text), oneLine(item.target.text)].join("\t") + "\n").join("");
}

/** Judged passages: a line for each query. */
function toGoldRelevance(items) {
  const byQuery = new Map();
  for (const item of items) {
    if (item.kind !== "passage" || !isText(item.query) || !["right", "wrong"].includes(item.judgement)) continue;
    const grades = byQuery.get(item.query) ?? {};
    grades[item.passage] = item.judgement === "right" ? 1 : 0;
    byQuery.set(item.query, grades);
  }
  return [...byQuery].map(([query, grades]) => JSON.stringify({ query, grades }) + "\n").join("");
}

const EXPORTS = {
  jsonl: ["basket.jsonl", "application/x-ndjson", (items) => items.map((item) => JSON.stringify(item) + "\n").join("")],
  csv: ["basket.csv", "text/csv", toCsv],
  pairs: ["gold-pairs.tsv", "text/tab-separated-values", toGoldPairs],
  relevance: ["gold-relevance.jsonl", "application/x-ndjson", toGoldRelevance],
};

function exportBasket(format) {
  const [name, type, write] = EXPORTS[format];
  const text = write(basket());
  if (!text) return say("Nothing in the basket has been judged yet.");
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

async function importBasket(file) {
  const text = await file.text();
  let read;
  try {
    read = file.name.endsWith(".csv") ? fromCsv(text) : text.split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
  } catch {
    return say(`${file.name} is not a basket: a line of it is not JSON.`);
  }
  const valid = read.filter(isItem);
  const hashes = new Set(valid.map(hashOf));
  saveBasket([...basket().filter((item) => !hashes.has(hashOf(item))), ...valid]);
  showBasket();
  const skipped = read.length - valid.length;
  say(`${valid.length} added${skipped ? `, ${skipped} lines are no passages or pairs` : ""}`);
}

// --- Uploads ---------------------------------------------------------------------------------------------

/** Returns an id that the service accepts, from the name of a file. */
const idOf = (name) => name.replace(/\.[^.]*$/, "").replace(/[#/\\?%\s\p{C}]+/gu, "-").slice(0, 200) || "document";

async function upload(form, files) {
  const report = $(".report", form);
  const progress = $("progress", form);
  report.replaceChildren();
  progress.hidden = false;
  progress.max = files.length;
  for (const [index, file] of [...files].entries()) {
    progress.value = index;
    await uploadFile(file, (text, failed) => report.append(el("li", { class: failed && "failed" }, el("bdi", {}, file.name), " ", text)));
  }
  progress.value = files.length;
}

async function uploadFile(file, line) {
  const isLines = /\.(jsonl|ndjson)$/i.test(file.name);
  try {
    const body = isLines ? file : JSON.stringify({ id: idOf(file.name), text: await file.text() });
    const type = isLines ? "application/x-ndjson" : "application/json";
    const response = await fetch("/v1/documents", { method: "POST", headers: { ...authorization(), "content-type": type }, body });
    if (!response.ok) {
      const problem = await response.json().catch(() => ({}));
      return line(problem.detail ?? `was not accepted (${response.status})`, true);
    }
    let rest = "";
    const decoder = new TextDecoderStream();
    response.body.pipeTo(decoder.writable).catch(() => {});
    const reader = decoder.readable.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const lines = (rest + read.value).split("\n");
      rest = lines.pop();
      lines.forEach((text) => reportLine(text, line));
    }
    reportLine(rest, line);
  } catch (error) {
    line(`could not be sent: ${error.message}`, true);
  }
}

function reportLine(text, line) {
  if (!text.trim()) return;
  const result = JSON.parse(text);
  if (result.summary) {
    const { lines, created, updated, metadata_updated: metadata, unchanged, errors, error } = result.summary;
    line(`${lines} lines: ${created} new, ${updated + metadata} changed, ${unchanged} unchanged, ${errors} not stored${error ? `; ${error.detail}` : ""}`, errors > 0 || error);
  } else if (result.error) {
    line(`${result.line ? `line ${result.line}: ` : ""}${result.error.detail}`, true);
  } else {
    const notes = result.notes?.length ? `; ${result.notes.join("; ")}` : "";
    line(`${result.id}: ${result.status.replace("_", " ")}, ${result.passages} passages${notes}`, false);
  }
}

// --- The histogram: years are dragged over ---------------------------------------------------------------

function enhanceHistogram(histogram) {
  const years = $$("a[data-year]", histogram);
  const at = (event) => {
    const box = histogram.getBoundingClientRect();
    const index = Math.floor(((event.clientX - box.left) / box.width) * years.length);
    return Math.max(0, Math.min(years.length - 1, index));
  };
  let from = null;
  let dragged = false;
  const range = (to) => [Math.min(from, to), Math.max(from, to)];
  histogram.addEventListener("dragstart", (event) => event.preventDefault());
  histogram.addEventListener("pointerdown", (event) => {
    if (event.button === 0) [from, dragged] = [at(event), false];
  });
  histogram.addEventListener("pointermove", (event) => {
    if (from == null) return;
    if (at(event) !== from) {
      dragged = true;
      histogram.setPointerCapture(event.pointerId);
    }
    const [first, last] = range(at(event));
    years.forEach((year, index) => year.classList.toggle("in", index >= first && index <= last));
  });
  histogram.addEventListener("pointerup", (event) => {
    if (from == null) return;
    const [first, last] = range(at(event));
    from = null;
    if (!dragged) return;
    const form = $(".dates form");
    form.elements.from.value = years[first].dataset.year;
    form.elements.to.value = years[last].dataset.year;
    form.requestSubmit();
  });
  histogram.addEventListener("click", (event) => {
    if (dragged) event.preventDefault();
  }, true);
}

// --- Keys ------------------------------------------------------------------------------------------------

const SINGLE_KEYS = "antiphon-single-keys";
const HELP = [
  ["/", "go to the search box"],
  ["j k", "next, previous passage"],
  ["Enter", "open it"],
  ["p", "who else said this"],
  ["c", "cite"],
  ["b", "keep in the basket"],
  ["?", "this help"],
];

function help() {
  $("dialog")?.remove();
  const enabled = el("input", { type: "checkbox", checked: stored("localStorage", SINGLE_KEYS) !== "off",
    onchange: (event) => store("localStorage", SINGLE_KEYS, event.target.checked ? null : "off") });
  const dialog = el("dialog", { "aria-labelledby": "keys-title" },
    el("h2", { id: "keys-title" }, "Keyboard"),
    el("dl", {}, ...HELP.flatMap(([keys, what]) => [el("dt", {}, ...keys.split(" ").map((key) => el("kbd", {}, key))), el("dd", {}, what)])),
    el("p", {}, el("label", {}, enabled, " single keys are on")),
    el("form", { method: "dialog" }, el("p", {}, el("button", {}, "Close"))));
  document.body.append(dialog);
  dialog.showModal();
}

const items = () => $$("main [data-item], main li[data-pair]");
const current = () => document.activeElement?.closest("[data-item], [data-pair]") ?? $(".current");

function move(step) {
  const all = items();
  if (!all.length) return;
  const here = all.indexOf($(".current") ?? document.activeElement?.closest("[data-item], li[data-pair]"));
  // From nowhere, the first passage in view.
  const start = step > 0 ? all.findIndex((item) => item.getBoundingClientRect().bottom > 80) : 0;
  const next = here < 0 ? all[Math.max(0, start)] : all[Math.max(0, Math.min(all.length - 1, here + step))];
  $(".current")?.classList.remove("current");
  next.classList.add("current");
  next.tabIndex = -1;
  next.focus({ preventScroll: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  next.scrollIntoView({ block: next.clientHeight > innerHeight * 0.8 ? "start" : "nearest", behavior: calm ? "instant" : "smooth" });
}

function cite(item) {
  const fold = item && $(".cite", item);
  if (!fold) return;
  fold.open = !fold.open;
  $(fold.open ? "button" : "summary", fold)?.focus();
}

document.addEventListener("keydown", (event) => {
  const field = event.target.closest("input:not([type=radio], [type=checkbox], [type=file]), textarea, select, dialog");
  if (event.metaKey || event.ctrlKey || event.altKey || event.isComposing) return;
  if (field) {
    if (event.key === "Escape" && event.target.id === "q") event.target.blur();
    return;
  }
  if (stored("localStorage", SINGLE_KEYS) === "off") return;
  const item = current();
  const action = (name) => item && $(`[data-action="${name}"]`, item);
  const isItem = event.target === item || event.target === document.body;
  const keys = {
    "/": () => { const box = $("#q"); box.focus(); box.select(); },
    j: () => move(1),
    k: () => move(-1),
    Enter: () => isItem && (action("open") ?? action("parallels"))?.click(),
    p: () => action("parallels")?.click(),
    c: () => cite(item),
    b: () => item && toggleKept(item),
    "?": help,
  };
  if (!Object.hasOwn(keys, event.key) || (event.key === "Enter" && !isItem)) return;
  event.preventDefault();
  keys[event.key]();
});

// --- Everything that a click does ------------------------------------------------------------------------

document.addEventListener("click", (event) => {
  const control = event.target.closest("[data-action], [data-export]");
  if (!control) return;
  if (control.dataset.export) return exportBasket(control.dataset.export);
  const item = control.closest("[data-item], [data-pair]");
  const actions = {
    copy: () => copy($("pre", control.parentElement).textContent, control.textContent.replace(/^Copy /, "")),
    "copy-link": () => copy(new URL($(".anchor, h2 a, [data-action=open]", item).getAttribute("href"), location.href).href, "Link"),
    quote: () => copy(`“${oneLine(textOf($(".passage", item)))}” (${JSON.parse(item.dataset.item).passage})`, "Quotation"),
    keep: () => toggleKept(item),
    help: () => { event.preventDefault(); help(); },
  };
  actions[control.dataset.action]?.();
});

document.addEventListener("change", (event) => {
  const { target } = event;
  if (target.name === "mode" && target.form?.elements.q?.value.trim()) target.form.requestSubmit();
  if (target.id === "files") upload(target.form, target.files);
  if (target.id === "basket-import" && target.files[0]) importBasket(target.files[0]);
});

for (const [type, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  document.addEventListener(type, (event) => {
    const zone = event.target.closest?.(".drop");
    if (!zone) return;
    event.preventDefault();
    zone.classList.toggle("over", over);
    if (type === "drop") upload(zone, event.dataTransfer.files);
  });
}

// A pair in the list and its dot in the plot point at each other.
for (const type of ["pointerover", "focusin"]) {
  document.addEventListener(type, (event) => {
    const pair = event.target.closest?.('li[id^="pair-"]');
    $$(".plot .in").forEach((dot) => dot.classList.remove("in"));
    if (pair) document.getElementById(pair.id.replace("pair-", "dot-"))?.classList.add("in");
  });
}

// --- Start -----------------------------------------------------------------------------------------------

function enhance() {
  $$(".with-script").forEach((element) => { element.hidden = false; });
  $$("[data-basket]").forEach((element) => { element.hidden = false; });
  $$(".without-script").forEach((element) => { element.hidden = true; });
  $$("[data-histogram]").forEach(enhanceHistogram);
  showKept();
  showBasket();
}

enhance();
if (apiKey() && $("form.key") && location.pathname !== "/key") visit(location.href, { push: false });
