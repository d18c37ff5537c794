// The query box: what may stand where one writes, chosen by arrow keys, Enter and Escape or by pointer.
// It stands at the head of every page, and in the middle of Explore; a page is whole without it.

const WAIT_MS = 90;
const box = document.querySelector("input.query");
const form = box.form;

const made = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

// Places are counted in characters, as the server does; a string counts some of them twice.
const characters = (text) => [...text].length;
const cut = (text, from, to) => [...text].slice(from, to).join("");

const list = made("ul", { id: "offers", className: "offers", hidden: true });
list.setAttribute("role", "listbox");
list.setAttribute("aria-label", "What may stand here");
const said = made("span", { className: "unseen" });
said.setAttribute("role", "status");
box.after(list, said);
box.setAttribute("role", "combobox");
box.setAttribute("aria-autocomplete", "list");
box.setAttribute("aria-controls", list.id);
box.setAttribute("aria-expanded", "false");

let found = null;
let chosen = -1;
let waiting = null;
let asking = new AbortController();

const close = () => {
  clearTimeout(waiting);
  asking.abort();
  found = null;
  chosen = -1;
  list.hidden = true;
  list.replaceChildren();
  said.textContent = "";
  box.setAttribute("aria-expanded", "false");
  box.removeAttribute("aria-activedescendant");
};

const choose = (place) => {
  const options = list.children;
  options[chosen]?.setAttribute("aria-selected", "false");
  chosen = place;
  if (chosen < 0) {
    box.removeAttribute("aria-activedescendant");
    return;
  }
  options[chosen].setAttribute("aria-selected", "true");
  options[chosen].scrollIntoView({ block: "nearest" });
  box.setAttribute("aria-activedescendant", options[chosen].id);
};

const take = (place) => {
  const item = found.items[place];
  const before = cut(box.value, 0, found.start) + item.text;
  box.value = before + cut(box.value, found.end);
  box.setSelectionRange(before.length, before.length);
  close();
  ask();
};

const open = (answer) => {
  close();
  if (!answer.items.length) return;
  found = answer;
  list.replaceChildren(
    ...answer.items.map((item, place) => {
      const words = [made("b", {}, item.label)];
      if (item.meaning) words.push(made("span", {}, item.meaning));
      if (item.unit) words.push(made("i", {}, item.unit));
      const option = made("li", { id: `offer${place}` }, ...words);
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.addEventListener("pointerdown", (event) => event.preventDefault());
      option.addEventListener("click", () => take(place));
      return option;
    }),
  );
  list.hidden = false;
  box.setAttribute("aria-expanded", "true");
  said.textContent = answer.items.length === 1 ? "1 suggestion" : `${answer.items.length} suggestions`;
};

const ask = async () => {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const query = new URLSearchParams({ q: box.value });
  query.set("at", characters(box.value.slice(0, box.selectionStart)));
  for (const name of ["last", "from", "to", "service"]) {
    const value = form.elements[name]?.value;
    if (value) query.set(name, value);
  }
  try {
    const response = await fetch(`/api/complete?${query}`, { signal });
    const answer = response.ok ? await response.json() : { items: [] };
    if (!signal.aborted && document.activeElement === box) open(answer);
  } catch {
    // Somebody went on writing, or the server has left: the box works as it is.
  }
};

box.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(ask, WAIT_MS);
});
box.addEventListener("blur", close);
form.addEventListener("submit", close);
box.addEventListener("click", () => found && close());
box.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const last = found ? found.items.length - 1 : -1;
  if (event.key === "ArrowDown" && !found) ask();
  else if (event.key === "ArrowDown") choose(chosen === last ? -1 : chosen + 1);
  else if (event.key === "ArrowUp" && found) choose(chosen < 0 ? last : chosen - 1);
  else if (event.key === "Enter" && found && chosen >= 0) take(chosen);
  else if (event.key === "Escape" && found) close();
  else return;
  event.preventDefault();
});

// A mistake has its place: writing goes on there.
if (box.dataset.at) {
  const at = cut(box.value, 0, Number(box.dataset.at)).length;
  box.focus();
  box.setSelectionRange(at, at);
}
