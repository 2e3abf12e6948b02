/* Copies: data-copy names an element to take the text of, data-copy-url a file to fetch. */
"use strict";

async function put(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  // Over plain HTTP browsers offer only this.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "ob-gone";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("not copied");
}

async function textOf(button) {
  if (!button.dataset.copyUrl) return document.querySelector(button.dataset.copy).textContent;
  const answer = await fetch(button.dataset.copyUrl, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-url]");
  if (!button) return;
  const label = button.querySelector("[data-label]");
  const before = label.textContent;
  let said = "Copied";
  try {
    await put(await textOf(button));
  } catch {
    said = "Could not copy";
  }
  label.textContent = said;
  setTimeout(() => { label.textContent = before; }, 1500);
});
