// Explore: an answer that may take a while, and lines to copy. The page is whole without it.

const form = document.querySelector("form.ask");

// An answer may take a while.
const button = form.querySelector("button");
form.addEventListener("submit", () => {
  button.textContent = "Asking…";
  form.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  button.textContent = "Ask";
  form.removeAttribute("aria-busy");
});

// Lines to copy get a button, where the browser lets a page write to the clipboard.
const dress = () => {
  for (const line of navigator.clipboard ? document.querySelectorAll(".copies pre") : []) {
    const copy = Object.assign(document.createElement("button"), { type: "button", className: "copy" });
    copy.textContent = "Copy";
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(line.textContent);
        copy.textContent = "Copied";
      } catch {
        copy.textContent = "Not allowed";
      }
    });
    line.after(copy);
  }
};
dress();
document.addEventListener("fresh", dress);
