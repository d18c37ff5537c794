// A range of durations is chosen on the latency chart, and the trace, the samples and the table follow in place.
// Sweep, tap, or the keys: arrows go from part to part, with Shift they stretch the range, Escape clears it.

const RETRY_MS = 2_000;
const main = document.querySelector("main");
const parts = (root) => [...root.querySelectorAll("[data-brushed]")];
let turn = 0;

// Not fetch: this way the browser itself makes a document of the answer, in which nothing runs.
// Undefined when nobody answers, null for an answer that is none of ours.
const bring = (address) =>
  new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.addEventListener("load", () => done(request.status === 200 ? request.response : null));
    request.addEventListener("error", () => done(undefined));
    request.send();
  });

// What leads on from the page keeps the choice.
const carry = (octaves) => {
  for (const link of main.querySelectorAll('a[href^="/endpoint?"]')) {
    if (link.closest("[data-brushed]")) continue;
    const address = new URL(link.getAttribute("href"), location.href);
    if (octaves) address.searchParams.set("octaves", octaves);
    else address.searchParams.delete("octaves");
    link.setAttribute("href", address.pathname + address.search);
  }
  for (const field of document.querySelectorAll('input[type="hidden"][name="octaves"]')) field.value = octaves ?? "";
};

const swap = (next, focus) => {
  for (const old of parts(main)) {
    const part = next.querySelector(`[data-brushed="${old.dataset.brushed}"]`);
    if (!part) continue;
    const open = [...old.querySelectorAll("details")].map((each) => each.open);
    old.replaceWith(document.adoptNode(part));
    const details = [...part.querySelectorAll("details")];
    if (details.length === open.length) details.forEach((each, place) => (each.open = open[place]));
  }
  const box = next.querySelector("main").dataset.box;
  const query = document.querySelector(".search input.query");
  if (query && document.activeElement !== query) query.value = box;
  main.querySelector(".said").textContent = next.querySelector("main").dataset.said;
  if (focus !== undefined) main.querySelector(`a[data-octave="${focus}"]`)?.focus();
  document.dispatchEvent(new Event("fresh"));
};

const show = async (address, focus) => {
  const own = (turn += 1);
  const wanted = new URL(address, location.href);
  const part = new URL(wanted);
  part.pathname = "/endpoint/brushed";
  part.searchParams.delete("live");
  for (const each of parts(main)) each.setAttribute("aria-busy", "true");
  const next = await bring(part);
  // A later choice has overtaken this one.
  if (own !== turn) return;
  document.dispatchEvent(new CustomEvent("reached", { detail: next !== undefined }));
  if (next === undefined) {
    // To leave for a page that nobody serves would be for good.
    setTimeout(() => own === turn && show(address, focus), RETRY_MS);
    return;
  }
  if (!next?.querySelector("[data-brushed]")) {
    // The whole page says what is wrong.
    location.assign(wanted);
    return;
  }
  swap(next, focus);
  carry(wanted.searchParams.get("octaves"));
};

const choose = async (address, focus) => {
  performance.mark("brush begins");
  history.pushState(null, "", address);
  await show(address, focus);
  // Behind the frame that paints it.
  requestAnimationFrame(() => setTimeout(() => performance.measure("brush", "brush begins")));
};

const range = (first, last) => {
  const address = new URL(location.href);
  const chosen = [];
  for (let each = Math.min(first, last); each <= Math.max(first, last); each += 1) chosen.push(each);
  address.searchParams.set("octaves", chosen.join(","));
  return address;
};

const cleared = () => {
  const address = new URL(location.href);
  address.searchParams.delete("octaves");
  return address;
};

// The octave under a pointer: wherever it is, as far as the chart goes.
const under = (chart, event) => {
  const box = chart.getBoundingClientRect();
  const count = Number(chart.dataset.count);
  const place = Math.floor(((event.clientX - box.left) / box.width) * count);
  return Number(chart.dataset.first) + Math.min(Math.max(place, 0), count - 1);
};

const mark = (chart, first, last) => {
  for (const piece of chart.querySelectorAll("rect[data-octave]")) {
    const octave = Number(piece.dataset.octave);
    const within = first !== null && octave >= Math.min(first, last) && octave <= Math.max(first, last);
    piece.classList.toggle("swept", within);
  }
};

let swept = null;
const plain = (event) => !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
main.addEventListener("dragstart", (event) => {
  if (event.target.closest("svg.brush")) event.preventDefault();
});
main.addEventListener("pointerdown", (event) => {
  const chart = event.target.closest("svg.brush");
  if (!chart || event.button !== 0 || !plain(event)) return;
  const octave = under(chart, event);
  swept = { chart, first: octave, last: octave };
});
addEventListener("pointermove", (event) => {
  if (!swept) return;
  swept.last = under(swept.chart, event);
  mark(swept.chart, swept.first, swept.last);
});
addEventListener("pointercancel", () => {
  if (swept) mark(swept.chart, null, null);
  swept = null;
});
addEventListener("pointerup", () => {
  if (!swept) return;
  const { chart, first, last } = swept;
  swept = null;
  const link = chart.querySelector(`a[data-octave="${first}"]`);
  if (first !== last) choose(range(first, last));
  else if (link) choose(link.getAttribute("href"));
  else mark(chart, null, null);
});
// Whatever a pointer chose, it chose above; Enter on a part comes as a click of no button.
main.addEventListener("click", (event) => {
  const link = event.target.closest("svg.brush a[data-octave], a.unbrush");
  if (!link || !plain(event)) return;
  event.preventDefault();
  if (event.detail === 0 || link.matches(".unbrush")) choose(link.getAttribute("href"), link.dataset.octave);
});
main.addEventListener("keydown", (event) => {
  const link = event.target.closest("svg.brush a[data-octave]");
  if (!link) return;
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const links = [...main.querySelectorAll("svg.brush a[data-octave]")];
  const beside = step && links[links.indexOf(link) + step];
  if (beside && event.shiftKey) {
    const kept = (new URL(location.href).searchParams.get("octaves") ?? link.dataset.octave).split(",").map(Number);
    // The end that is moved is the one under the keys.
    const fixed = kept[0] === Number(link.dataset.octave) ? kept[kept.length - 1] : kept[0];
    choose(range(fixed, Number(beside.dataset.octave)), beside.dataset.octave);
  } else if (beside) beside.focus();
  else if (event.key === "Escape" && new URL(location.href).searchParams.has("octaves")) {
    choose(cleared(), link.dataset.octave);
  } else return;
  event.preventDefault();
});
addEventListener("popstate", () => show(location.href));
