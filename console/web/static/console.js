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

// Fetches <section id="x" data-live="5"> again every five seconds and replaces it in place. When
// that fails, a line above it says since when the section is out of date, and why.
function refreshRegularly(section, updated = new Date()) {
  const again = (shown = section, at = updated) => refreshRegularly(shown, at);
  setTimeout(async () => {
    if (document.hidden || section.contains(document.activeElement)) return again();
    try {
      const response = await fetch(location.href, { headers: { "X-Live": "1" } });
      if (response.redirected && new URL(response.url).pathname === "/sign-in") {
        return sayStale(section, updated, "You are signed out.", response.url);
      }
      const fresh = response.ok && new DOMParser()
        .parseFromString(await response.text(), "text/html")
        .getElementById(section.id);
      if (!fresh) throw new Error("no such section");
      section.replaceWith(fresh);
      document.getElementById(`${section.id}-stale`)?.remove();
      offerCopying(fresh);
      return again(fresh, new Date());
    } catch {
      sayStale(section, updated, "The console does not answer; this page tries again.");
    }
    again();
  }, Number(section.dataset.live) * 1000);
}

function sayStale(section, updated, reason, link) {
  const id = `${section.id}-stale`;
  let line = document.getElementById(id);
  if (!line) {
    line = document.createElement("p");
    line.id = id;
    line.className = "error";
    line.setAttribute("role", "status");
    section.before(line);
  }
  const text = `Not updated since ${updated.toLocaleTimeString()}. ${reason} `;
  if (line.firstChild?.textContent === text) return;  // a screen reader says it once
  line.replaceChildren(text);
  if (!link) return;
  const anchor = document.createElement("a");
  anchor.href = link;
  anchor.textContent = "Sign in";
  line.append(anchor);
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
