// Draws the sandbox from its snapshot and sends back what people do. No sentence lives here: see the #texts block of the page.

import { createPhone, createRoom, drawChat, drawRoom } from "./phone.js";
import { drawPayments } from "./payments.js";
import { drawEmails, setUpEmails } from "./emails.js";
import { drawClock, setUpClock } from "./clock.js";
import { ask, find, say } from "./basics.js";

const phones = new Map();
let room = null;
let seen = -1;
let lastToast = null;
let latest = null;

function draw(state) {
  latest = { ...state, people: state.people.filter((person) => !person.is_group) };
  for (const person of latest.people) {
    if (!phones.has(person.key)) {
      phones.set(person.key, createPhone(person, openLink));
      find("[data-role=phones]").append(phones.get(person.key));
    }
    drawChat(phones.get(person.key), person, state);
  }
  for (const key of [...phones.keys()]) {
    if (!latest.people.some((person) => person.key === key)) {
      phones.get(key).remove();
      phones.delete(key);
    }
  }
  drawToasts(state.toasts);
  drawPayments(state.payments);
  drawEmails(state.emails);
  drawGroup(state.people.find((person) => person.is_group)); // last: the other cards decide how high it is
  drawClock(state);
  const health = find("[data-role=bot-health]");
  health.textContent = say(state.bot_listening ? "healthy" : "unhealthy");
  health.classList.toggle("bad", !state.bot_listening);
}

function drawGroup(group) {
  if (!group) return;
  room ??= createRoom(group, openLink);
  drawRoom(room, group, latest.people);
}

function drawToasts(toasts) {
  const newest = toasts.length ? toasts[toasts.length - 1].number : 0;
  // what was said before the page was opened is history
  for (const toast of lastToast === null ? [] : toasts.filter((one) => one.number > lastToast)) {
    (toast.person === room?.dataset.person ? room : phones.get(toast.person))?.showToast(toast.text, toast.alert);
  }
  lastToast = newest;
}

function openLink(payload) {
  const dialog = find("#chooser");
  const choices = find("[data-role=choices]");
  choices.replaceChildren(...latest.people.map((person) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.openAs = person.key;
    button.textContent = say("openAs", { name: person.first_name });
    button.addEventListener("click", () => {
      dialog.close();
      ask(`people/${person.key}/start`, { payload });
    });
    return button;
  }));
  dialog.showModal();
}

function setUpDialogs() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("dialog [data-action=close]")) event.target.closest("dialog").close();
    // a click on the backdrop hits the dialog itself
    if (event.target.tagName === "DIALOG") event.target.close();
  });
  const dialog = find("#person-dialog");
  find("[data-action=add-person]").addEventListener("click", () => dialog.showModal());
  dialog.addEventListener("close", () => {
    const input = find("input", dialog);
    if (dialog.returnValue === "add" && input.value) {
      ask("people", { key: input.value.toLowerCase(), first_name: input.value });
    }
    dialog.returnValue = "";
    input.value = "";
  });
}

async function listen() {
  for (;;) {
    try {
      const response = await fetch(`/sandbox/api/state?seen=${seen}`);
      if (response.status === 200) {
        const state = await response.json();
        seen = state.version;
        draw(state);
      }
      find("[data-role=lost]").hidden = true;
      // several changes a second are drawn together
      await new Promise((resolve) => setTimeout(resolve, 60));
    } catch (error) {
      console.warn(error);
      find("[data-role=lost]").hidden = false;
      seen = -1;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

setUpDialogs();
setUpEmails();
setUpClock();
listen();
