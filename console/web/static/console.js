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
// A section that arrives without data-live is final.
function refreshRegularly(section, updated = new Date()) {
  if (!section.dataset.live) return;
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

// Shows the text of a chosen file in a field of the form, which sends it.
for (const field of document.querySelectorAll("[data-fills]")) {
  const input = field.querySelector("input");
  const status = field.querySelector("[role=status]");
  field.hidden = false;
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    const text = await file.text();
    const size = new URLSearchParams({ text }).toString().length;
    const fits = size <= Number(field.dataset.bytesMax);
    status.className = fits ? "hint" : "error";
    status.textContent = fits
      ? `${file.name} is shown below. Nothing is stored yet.`
      : "The file is too large for this page. Split it, or send it by the command or the API.";
    if (fits) document.getElementById(field.dataset.fills).value = text;
  });
}

// Sends a chosen file piece by piece, and a piece again while the console or the network is away.
const SENDING_MAX = 8;
const PASSING = new Set([408, 413, 429, 500, 502, 503, 504]);

class Refusal extends Error {}

// Sends a form or a piece; returns the response. Only what may pass is tried again.
async function sendAgain(path, body, headers, attempt = 1) {
  let response = null;
  try {
    response = await fetch(path, { method: "POST", body, headers });
  } catch {
    // The network is away.
  }
  if (response && response.redirected && new URL(response.url).pathname === "/sign-in") {
    throw new Refusal("You are signed out. Sign in, then upload the file again.");
  }
  if (response && response.ok) return response;
  if (response && !PASSING.has(response.status)) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const reason = page.querySelector("[role=alert], main p");
    throw new Refusal(reason ? reason.textContent : "The console refused the file.");
  }
  if (attempt === SENDING_MAX) {
    throw new Refusal("The console does not answer. Try again later.");
  }
  await new Promise((resolve) => { setTimeout(resolve, Math.min(500 * 2 ** attempt, 15000)); });
  return sendAgain(path, body, headers, attempt + 1);
}

async function sendFile(form, file, say) {
  const csrf = form.elements.csrf.value;
  const path = form.getAttribute("action");
  const fields = new URLSearchParams({ csrf, name: file.name, size_bytes: file.size });
  const { id, piece_bytes } = await (await sendAgain(path, fields, {})).json();
  const headers = { "X-CSRF-Token": csrf, "Content-Type": "application/octet-stream" };
  const pieces = Math.ceil(file.size / piece_bytes);
  for (let number = 1; number <= pieces; number += 1) {
    const piece = file.slice((number - 1) * piece_bytes, number * piece_bytes);
    await sendAgain(`${path}/${id}/pieces/${number}`, piece, headers);
    say(number / pieces);
  }
  await sendAgain(`${path}/${id}/complete`, new URLSearchParams({ csrf }), {});
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  const bar = form.querySelector("progress");
  const status = form.querySelector("[role=status]");
  const button = form.querySelector("button");
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [file] = form.querySelector("input[type=file]").files;
    button.disabled = true;
    bar.parentElement.hidden = false;
    bar.value = 0;
    status.className = "hint";
    status.textContent = "The file is being sent. Stay on this page.";
    try {
      await sendFile(form, file, (share) => { bar.value = share; });
      location.reload();
    } catch (error) {
      status.className = "error";
      status.textContent = error instanceof Refusal ? error.message : "The file cannot be read.";
      button.disabled = false;
    }
  });
}
