// Keeps the page up to date: asks for its parts as JSON and puts them in place. Without it, the page shows all once.
"use strict";

const EVERY = 2000; // milliseconds
const PATIENCE = 8000;
const SLOW = ["plots", "verdict", "configuration"];

const updates = document.getElementById("updates");
const tags = {};
let answeredAt = Date.now();

async function asked(path) {
  const headers = tags[path] ? { "If-None-Match": tags[path] } : {};
  const answer = await fetch(path, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (answer.status === 304) return null;
  if (!answer.ok) throw new Error(`${answer.status}`);
  const found = await answer.json();
  tags[path] = answer.headers.get("ETag") || "";
  return found;
}

// A part is replaced whole. What the reader has opened, focused or selected there stays.
function place(name, html) {
  const old = document.getElementById(name);
  const selection = getSelection();
  if (!selection.isCollapsed && selection.containsNode(old, true)) return false;
  const open = [...old.querySelectorAll("details[open]")].map((each) => each.id);
  const focused = old.contains(document.activeElement) ? pathOf(document.activeElement, old) : null;
  old.innerHTML = html;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused) focused.reduce((node, index) => node?.children[index], old)?.focus({ preventScroll: true });
  return true;
}

function pathOf(node, root) {
  const path = [];
  for (; node !== root; node = node.parentElement) path.unshift([...node.parentElement.children].indexOf(node));
  return path;
}

async function update() {
  const live = await asked(updates.dataset.live);
  if (live) {
    for (const [name, html] of Object.entries(live.sections)) place(name, html);
    for (const name of SLOW) {
      if (updates.dataset[name] === live.versions[name]) continue;
      const part = await asked(`/page/${name}`);
      if (!part || place(name, part.sections[name])) updates.dataset[name] = live.versions[name];
    }
  }
  answeredAt = Date.now();
}

async function run() {
  if (!document.hidden) {
    try {
      await update();
      say("Live", "good");
    } catch {
      say(`No answer from the tee for ${Math.round((Date.now() - answeredAt) / 1000)} s: these figures are old`, "bad");
    }
  }
  setTimeout(run, EVERY);
}

function say(text, tone) {
  if (updates.textContent === text) return;
  updates.textContent = text;
  updates.className = tone;
}

function addCopyButtons() {
  for (const block of document.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    const path = block.dataset.copy; // of what is to be copied; empty for the block itself
    button.textContent = path ? "Copy HAR" : "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(path ? await (await fetch(path)).text() : block.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(block); // without HTTPS or localhost, the reader has to copy it
        button.textContent = "Selected: copy it";
      }
    });
    block.before(button);
  }
}

addCopyButtons();
if (updates) run();
