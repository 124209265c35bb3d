"use strict";
// Reads the page and never writes markup: texts stay texts.
const lines = Array.from(document.querySelectorAll("#spans > li"));
const summaries = lines.map((line) => line.querySelector("summary"));
const wanted = document.getElementById("wanted");
const found = document.getElementById("found");
const failed = document.getElementById("failed");
// Once: to read the text of thousands of lines at each key would be felt.
const texts = lines.map((line) => line.textContent.toLowerCase());

function filter() {
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  const failedOnly = failed.getAttribute("aria-pressed") === "true";
  let shown = 0;
  lines.forEach((line, index) => {
    const keep = words.every((word) => texts[index].includes(word)) && (!failedOnly || line.classList.contains("failed"));
    line.classList.toggle("hidden", !keep);
    shown += keep ? 1 : 0;
  });
  found.textContent = words.length || failedOnly ? shown + " of " + lines.length : "";
}

function move(step) {
  let at = summaries.indexOf(document.activeElement) + step;
  while (at >= 0 && at < lines.length && lines[at].classList.contains("hidden")) at += step;
  if (at >= 0 && at < lines.length) summaries[at].focus();
}

function keys(event) {
  const details = summaries.includes(document.activeElement) ? document.activeElement.parentElement : null;
  if (event.key === "/" && document.activeElement !== wanted) wanted.focus();
  else if (event.key === "Escape" && document.activeElement === wanted) { wanted.value = ""; filter(); }
  else if (event.key === "ArrowDown" && (details || document.activeElement === wanted)) move(1);
  else if (event.key === "ArrowUp" && details) move(-1);
  else if (event.key === "ArrowRight" && details) details.open = true;
  else if (event.key === "ArrowLeft" && details) details.open = false;
  else return;
  event.preventDefault();
}

wanted.addEventListener("input", filter);
failed.addEventListener("click", () => {
  failed.setAttribute("aria-pressed", String(failed.getAttribute("aria-pressed") !== "true"));
  filter();
});
document.getElementById("close").addEventListener("click", () => {
  for (const line of lines) line.querySelector("details").open = false;
});
document.addEventListener("keydown", keys);
