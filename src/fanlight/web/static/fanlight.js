// What the pages can do more of with a script: they are whole without it.
// Words reach the page through textContent alone.

const $all = (selector) => [...document.querySelectorAll(selector)];

// Times in the zone of whoever looks; the server writes UTC.
const two = (number) => String(number).padStart(2, "0");
const clock = (time) => `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
const day = (time) => `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "your time zone";

const sayTimes = () => {
  for (const element of $all("time[datetime]")) {
    const time = new Date(element.dateTime);
    if (Number.isNaN(time.getTime())) continue;
    const today = day(time) === day(new Date());
    element.textContent = today ? clock(time) : `${day(time)} ${clock(time)}`;
    element.title = `${element.dateTime} (UTC)`;
  }
};

const localTimes = () => {
  sayTimes();
  for (const element of $all("text[data-mark]")) {
    const time = new Date(element.dataset.mark);
    element.textContent = element.dataset.days ? day(time) : clock(time).slice(0, element.dataset.seconds ? 8 : 5);
  }
  for (const field of $all("input[data-time]")) {
    const time = new Date(field.dataset.time);
    field.value = `${day(time)}T${clock(time)}`;
    // As the browser writes it.
    field.dataset.shown = field.value;
  }
  for (const element of $all(".zone")) element.textContent = zone;
};

// At midnight, what was today's becomes yesterday's.
const wait = () => {
  const now = new Date();
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
  setTimeout(() => {
    sayTimes();
    wait();
  }, midnight - now + 1000);
};
wait();

// What is written in the zone of whoever looks travels in UTC. What nobody changed stays the moment that it was:
// where clocks are put back, an hour's times are told twice.
document.addEventListener("formdata", (event) => {
  for (const field of event.target.querySelectorAll("input[data-time]")) {
    const { shown, time } = field.dataset;
    event.formData.set(field.name, field.value === shown ? time : new Date(field.value).toISOString());
  }
});

// What a chart's piece stands for, in words, while the pointer is on it.
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
tip.setAttribute("aria-hidden", "true");
document.body.append(tip);
document.addEventListener("pointerover", (event) => {
  const piece = event.target instanceof Element ? event.target.closest("[data-tip]") : null;
  tip.hidden = !piece;
  if (!piece) return;
  const time = piece.dataset.time ? `${clock(new Date(piece.dataset.time))}: ` : "";
  tip.textContent = time + piece.dataset.tip;
});

const SWEPT_PX = 12;

// Sweep over the bars: the time becomes part of the address.
const sweep = (chart, worn) => {
  const links = [...chart.querySelectorAll("a[data-from]")];
  let first = null;
  let last = null;
  let began = 0;
  // The step under the pointer, or the one nearest to it: a chart has none where nothing happened.
  const at = (event) => {
    const away = links.map((link) => {
      const { left, right } = link.firstElementChild.getBoundingClientRect();
      return Math.max(left - event.clientX, event.clientX - right, 0);
    });
    return away.length ? away.indexOf(Math.min(...away)) : null;
  };
  const mark = () => {
    const [low, high] = [Math.min(first, last), Math.max(first, last)];
    links.forEach((link, place) => {
      link.firstElementChild.classList.toggle("swept", first !== null && place >= low && place <= high);
    });
  };
  chart.addEventListener("dragstart", (event) => event.preventDefault());
  chart.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    first = last = at(event);
    began = event.clientX;
  });
  listen("pointermove", worn, (event) => {
    if (first === null) return;
    last = at(event);
    mark();
  });
  listen("pointercancel", worn, () => {
    first = last = null;
    mark();
  });
  listen("pointerup", worn, (event) => {
    // What is swept may be one step alone, where nothing is beside it.
    if (first !== null && (last !== first || Math.abs(event.clientX - began) > SWEPT_PX)) {
      const address = new URL(location.href);
      for (const name of ["last", "live"]) address.searchParams.delete(name);
      address.searchParams.set("from", links[Math.min(first, last)].dataset.from);
      address.searchParams.set("to", links[Math.max(first, last)].dataset.to);
      location.assign(address);
    }
    first = last = null;
  });
  // A sweep ends in a click on where it ended; that one is not meant.
  chart.addEventListener("click", (event) => {
    if (chart.querySelector(".swept")) event.preventDefault();
    mark();
  });
};

// A live page brings its content anew: what was listened to with it ends with it.
const listen = (name, worn, heard) => addEventListener(name, heard, { signal: worn });
let wearing = new AbortController();
const dress = () => {
  wearing.abort();
  wearing = new AbortController();
  localTimes();
  for (const chart of $all("svg.sweep")) sweep(chart, wearing.signal);
};
dress();
document.addEventListener("fresh", dress);

// What a panel says, elsewhere: as a link, a command, JSON. Without a clipboard only the JSON is there to see.
if (!navigator.clipboard) delete document.documentElement.dataset.script;
document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest(".menu .copy") : null;
  if (!button || !navigator.clipboard) return;
  event.preventDefault();
  const { link, text, json } = button.dataset;
  const menu = button.closest("details");
  const said = menu.querySelector("summary");
  try {
    const answer = json === undefined ? null : await fetch(button.href);
    if (answer && !answer.ok) throw new Error(answer.statusText);
    const copied = answer ? await answer.text() : (text ?? new URL(link, location.href).href);
    await navigator.clipboard.writeText(copied);
    said.textContent = "Copied";
  } catch {
    said.textContent = "Not copied";
  }
  menu.open = false;
  setTimeout(() => (said.textContent = "Copy"), 2000);
});

// Colours: as the system has them, light, or dark. A cookie remembers, since it is no state of a page.
const root = document.documentElement;
const theme = document.querySelector("button.theme");
const THEMES = ["", "light", "dark"];
const nameTheme = () => {
  theme.textContent = `Colours: ${root.dataset.theme || "system"}`;
};
theme.hidden = false;
nameTheme();
theme.addEventListener("click", () => {
  root.dataset.theme = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=${root.dataset.theme ? 31536000 : 0}; samesite=strict`;
  nameTheme();
});

// A switch needs no button where scripts run.
for (const form of $all("form.switch")) form.addEventListener("change", () => form.requestSubmit());

const help = document.querySelector("button.help");
const keys = document.querySelector("dialog.keys");
help.hidden = false;
help.addEventListener("click", () => keys.showModal());

// Keys. Letters alone would disturb typing, so fields are left in peace.
const PAGES = { e: ".brand", x: '.top nav a[href^="/explore"]', c: '.top nav a[href^="/compare"]', w: '.top nav a[href^="/servers"]', s: '.top nav a[href^="/status"]' };
const LINKS = { "[": 'a[rel="prev"]', "]": 'a[rel="next"]', l: "a.live" };
const FIELDS = { "/": "input.query", f: 'main input[type="search"]' };
let before = "";
document.addEventListener("keydown", (event) => {
  const busy = event.target instanceof Element && event.target.closest("input, select, textarea, dialog");
  if (busy || event.ctrlKey || event.metaKey || event.altKey) return;
  const rows = $all("a.row");
  const here = rows.indexOf(document.activeElement);
  const wanted = (before === "g" && PAGES[event.key]) || LINKS[event.key];
  before = event.key;
  if (wanted) document.querySelector(wanted)?.click();
  else if (event.key === "j") rows[Math.min(here + 1, rows.length - 1)]?.focus();
  else if (event.key === "k") rows[Math.max(here - 1, 0)]?.focus();
  else if (event.key === "?") keys.showModal();
  else if (FIELDS[event.key]) document.querySelector(FIELDS[event.key])?.focus();
  else return;
  before = "";
  event.preventDefault();
});
