// A live page brings its content anew, a list follows its filter; any open page says when the server is away, and goes on when it is back.

const KNOCK_MS = 20_000;
const RETRY_MS = 2_000;
const FIND_MS = 120;
const main = document.querySelector("main");
const away = document.querySelector(".away");

const say = (words) => {
  away.textContent = words;
  away.hidden = !words;
};

const SHUT = "This page was shut out. In a terminal on Fanlight's machine, run: fanlight open";
const AWAY = "Fanlight does not answer. This page goes on by itself as soon as it does.";

// What somebody opened stays open, and where the keys are, they stay.
const renew = (next) => {
  const open = [...main.querySelectorAll("details")].map((each) => each.open);
  const address = document.activeElement?.getAttribute?.("href");
  const asked = main.querySelector("form.ask");
  if (asked) next.querySelector("form.ask")?.replaceWith(asked);
  main.replaceChildren(...next.childNodes);
  const details = [...main.querySelectorAll("details")];
  if (details.length === open.length) details.forEach((each, place) => (each.open = open[place]));
  if (address) [...main.querySelectorAll("a.row")].find((link) => link.getAttribute("href") === address)?.focus();
  if (next.dataset.refresh) main.dataset.refresh = next.dataset.refresh;
  else delete main.dataset.refresh;
  document.dispatchEvent(new Event("fresh"));
};

// An answer that took too long is a page, too.
const answered = (status) => {
  say(status === 401 || status === 403 ? SHUT : "");
  return status === 200 || status === 204 || status === 422;
};

// Not fetch: this way the browser itself makes a document of the answer, in which nothing runs.
const brought = (address) =>
  new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.responseType = "document";
    request.addEventListener("load", () => {
      const next = answered(request.status) ? request.response?.querySelector("main") : null;
      done(next && document.adoptNode(next));
    });
    request.addEventListener("error", () => {
      say(AWAY);
      done(null);
    });
    request.send();
  });

// What lies behind a form becomes what lies behind another; the form itself stays, and who writes in it.
const follow = (form, next, other) => {
  while (form.nextSibling) form.nextSibling.remove();
  while (other.nextSibling) form.parentNode.append(other.nextSibling);
  main.querySelector(".head").replaceWith(next.querySelector(".head"));
  document.dispatchEvent(new Event("fresh"));
};

const look = async () => {
  const address = new URL(location.href);
  // A page that is there already can wait for all of the next one.
  if (address.pathname === "/explore") address.pathname = "/explore/whole";
  const next = await brought(address);
  if (next && !isBusy()) renew(next);
};

// What was not there at once comes when it is.
const complete = async () => {
  const waiting = main.querySelector("[data-later]");
  const next = waiting && (await brought(waiting.dataset.later));
  const other = next?.querySelector("form.ask");
  if (waiting?.isConnected && other) follow(main.querySelector("form.ask"), next, other);
};
complete();

// A list that is filtered follows the letters; its links too, while the form stays, and who writes in it.
let waiting = null;
main.addEventListener("input", (event) => {
  const field = event.target.closest('form.filter input[type="search"]');
  if (!field) return;
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const address = new URL(location.href);
    if (field.value.trim()) address.searchParams.set(field.name, field.value);
    else address.searchParams.delete(field.name);
    const next = await brought(address);
    const form = next?.querySelector("form.filter");
    if (!form || field.value.trim() !== (address.searchParams.get(field.name) ?? "").trim()) return;
    history.replaceState(null, "", address);
    follow(field.form, next, form);
  }, FIND_MS);
});

// Other scripts ask too, and hear of it first.
document.addEventListener("reached", (event) => say(event.detail ? "" : AWAY));

// Knocking tells the server that somebody looks, so that it stays.
const knock = async () => {
  try {
    answered((await fetch("/api/alive", { cache: "no-store" })).status);
  } catch {
    say(AWAY);
  }
};

const isBusy = () =>
  Boolean(main.querySelector("input:focus, select:focus, textarea:focus")) || !getSelection().isCollapsed;

const turn = async () => {
  const live = Number(main.dataset.refresh) * 1000;
  if (document.visibilityState === "visible") await (live && !isBusy() ? look() : knock());
  setTimeout(turn, away.hidden ? live || KNOCK_MS : RETRY_MS);
};
setTimeout(turn, Number(main.dataset.refresh) * 1000 || KNOCK_MS);
