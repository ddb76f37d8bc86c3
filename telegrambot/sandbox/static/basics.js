// Small things that every part of the page needs.

const texts = JSON.parse(document.querySelector("#texts").textContent);

export function find(selector, inside = document) {
  return inside.querySelector(selector);
}

export function copyOf(templateId) {
  return document.querySelector(templateId).content.firstElementChild.cloneNode(true);
}

export function say(name, values = {}) {
  return (texts[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

export function hasText(name) {
  return name in texts;
}

export async function ask(path, body) {
  const response = await fetch(`/sandbox/api/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) showNotice(say("refusal", { code: answer.error }));
  return answer;
}

function showNotice(text) {
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.setAttribute("role", "alert");
  notice.textContent = text;
  document.body.append(notice);
  setTimeout(() => notice.remove(), 4000);
}

// Telegram and the books live in UTC, so the page does too.
export function showTime(seconds) {
  return new Date(seconds * 1000).toISOString().slice(11, 16);
}

export function showDay(seconds) {
  return new Date(seconds * 1000).toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
