// The console works without JavaScript; this only makes some things quicker.
"use strict";

// Shows the copy buttons where the browser can copy.
function offerCopying(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = label; }, 1500);
  if (button.dataset.then) location.assign(button.dataset.then);
});

// Closes an open menu of a row on Escape and on a click outside it.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.more[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.more[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// Fetches <section id="x" data-live="5"> again every five seconds and replaces it in place.
function refreshRegularly(section) {
  const seconds = Number(section.dataset.live);
  setTimeout(async () => {
    if (document.hidden || section.contains(document.activeElement)) return refreshRegularly(section);
    try {
      const response = await fetch(location.href, { headers: { "X-Live": "1" } });
      if (response.ok && !response.redirected) {
        const fresh = new DOMParser()
          .parseFromString(await response.text(), "text/html")
          .getElementById(section.id);
        if (fresh) {
          section.replaceWith(fresh);
          offerCopying(fresh);
          return refreshRegularly(fresh);
        }
      }
    } catch { /* the next attempt may succeed */ }
    refreshRegularly(section);
  }, seconds * 1000);
}

// Submits a form when one of its filters changes.
document.addEventListener("change", (event) => {
  if (event.target.closest("form[data-instant]")) event.target.form.requestSubmit();
});

// Closes the menu initially on a narrow screen.
const menu = document.querySelector("details.menu");
if (menu && matchMedia("(max-width: 820px)").matches) menu.open = false;

offerCopying(document);
for (const section of document.querySelectorAll("[data-live][id]")) refreshRegularly(section);
