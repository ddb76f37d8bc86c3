// The virtual clock: ticks by itself between two snapshots.

import { ask, find, say, setText, showDay } from "./basics.js";

let ahead = 0;

export function drawClock(state) {
  ahead = state.now - Date.now() / 1000;
  setText(find("[data-role=clock-offset]"), state.clock_offset ? say("ahead", { span: spanOf(state.clock_offset) }) : say("onTime"));
  tick();
}

export function setUpClock() {
  for (const button of document.querySelectorAll("[data-advance]")) {
    button.addEventListener("click", () => ask("clock", { seconds: Number(button.dataset.advance) }));
  }
  setInterval(tick, 1000);
}

function tick() {
  const now = Date.now() / 1000 + ahead;
  const time = new Date(now * 1000).toISOString().slice(11, 19);
  setText(find("[data-role=clock-time]"), `${showDay(now)} ${time}`);
  for (const element of document.querySelectorAll(".status time")) setText(element, time.slice(0, 5));
}

function spanOf(seconds) {
  const parts = [
    ["days", Math.floor(seconds / 86400)],
    ["hours", Math.floor(seconds / 3600) % 24],
    ["minutes", Math.floor(seconds / 60) % 60],
  ];
  return parts.filter(([, n]) => n).map(([name, n]) => say(name, { n })).join(" ") || `${seconds} s`;
}
