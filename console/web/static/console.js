// The console works without this; it only makes some things quicker.
"use strict";

// Copy buttons are shown where the browser can copy.
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

// An open menu of a row closes with Escape and with a click beside it.
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

// <section id="x" data-live="5"> is fetched again every so many seconds and replaced in place.
function keepLive(section) {
  const seconds = Number(section.dataset.live);
  setTimeout(async () => {
    if (document.hidden || section.contains(document.activeElement)) return keepLive(section);
    try {
      const response = await fetch(location.href, { headers: { "X-Live": "1" } });
      if (response.ok && !response.redirected) {
        const fresh = new DOMParser()
          .parseFromString(await response.text(), "text/html")
          .getElementById(section.id);
        if (fresh) {
          section.replaceWith(fresh);
          offerCopying(fresh);
          return keepLive(fresh);
        }
      }
    } catch { /* the next look may succeed */ }
    keepLive(section);
  }, seconds * 1000);
}

// A filter that changes sends its form.
document.addEventListener("change", (event) => {
  if (event.target.closest("form[data-instant]")) event.target.form.requestSubmit();
});

// On a narrow screen the menu is closed at first.
const menu = document.querySelector("details.menu");
if (menu && matchMedia("(max-width: 820px)").matches) menu.open = false;

offerCopying(document);
for (const section of document.querySelectorAll("[data-live][id]")) keepLive(section);
