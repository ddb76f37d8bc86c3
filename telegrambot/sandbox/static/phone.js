// One phone: the chat with the bot, its buttons and the typing box.

import { ask, copyOf, find, hasText, say, setText, showDay, showTime } from "./basics.js";

const botName = document.body.dataset.bot.toLowerCase();

export function createPhone(person, openLink) {
  const phone = copyOf("#phone-template");
  phone.dataset.person = person.key;
  phone.setAttribute("aria-label", person.first_name);
  setText(find(".avatar", phone), person.first_name[0]);
  setText(find(".name", phone), person.first_name);
  setText(find(".handle", phone), hasText(`role_${person.key}`) ? say(`role_${person.key}`) : `@${person.username}`);
  phone.drawn = new Map();
  phone.commands = [];
  phone.showToast = (text, alert) => showToast(phone, text, alert);
  find("[data-action=start]", phone).addEventListener("click", () => ask(`people/${person.key}/start`, {}));
  find("[data-action=block]", phone).addEventListener("click", () => ask(`people/${person.key}/block`, { blocked: !phone.blocked }));
  find(".messages", phone).addEventListener("click", (event) => clickInChat(event, phone, person, openLink));
  setUpComposer(phone, person);
  keepAtEnd(find(".messages", phone));
  return phone;
}

export function drawChat(phone, person, state) {
  phone.blocked = person.blocked;
  phone.commands = person.commands.length ? person.commands : state.commands;
  phone.classList.toggle("fresh", !person.started || person.blocked);
  phone.classList.toggle("empty-chat", !person.messages.length);
  setText(find("[data-action=start]", phone), say(person.blocked ? "restart" : "start"));
  const block = find("[data-action=block]", phone);
  block.hidden = !person.started;
  setText(block, say(person.blocked ? "unblock" : "block"));
  setText(find(".status time", phone), showTime(state.now));
  setText(find(".subtitle", phone), say(person.blocked ? "blocked" : person.typing ? "typing" : state.bot_listening ? "bot" : "away"));
  drawMessages(phone, person);
}

// The staff's group: the same messages in a small card, pressed by whoever is chosen there.
export function createRoom(person, openLink) {
  const room = find("[data-role=room]");
  room.dataset.person = person.key;
  room.drawn = new Map();
  room.showToast = (text, alert) => showToast(room, text, alert);
  room.presser = find("[data-role=presser]", room);
  find("[data-action=block]", room).addEventListener("click", () => ask(`people/${person.key}/block`, { blocked: !room.blocked }));
  find(".messages", room).addEventListener("click", (event) => clickInChat(event, room, person, openLink));
  keepAtEnd(find(".messages", room));
  return room;
}

export function drawRoom(room, person, people) {
  room.hidden = false;
  room.blocked = person.blocked;
  room.classList.toggle("quiet-room", !person.messages.length);
  setText(find("[data-action=block]", room), say(person.blocked ? "unkick" : "kick"));
  drawPressers(room.presser, people);
  drawMessages(room, person);
}

function drawPressers(select, people) {
  const wanted = [["", say("staffMember")], ...people.map((one) => [one.key, one.first_name])];
  if (select.options.length === wanted.length) return;
  select.replaceChildren(...wanted.map(([key, name]) => new Option(name, key)));
}

function drawMessages(phone, person) {
  const list = find(".messages", phone);
  const wanted = new Set(person.messages.map((message) => message.message_id));
  for (const [id, element] of phone.drawn) {
    if (!wanted.has(id)) {
      element.remove();
      phone.drawn.delete(id);
    }
  }
  let previous = null;
  let grew = false;
  for (const message of person.messages) {
    const day = showDay(message.date);
    const startsDay = !previous || previous.day !== day;
    const pressed = person.waiting.filter((one) => one.message_id === message.message_id).map((one) => one.data);
    const signature = JSON.stringify([message, startsDay, pressed]);
    let element = phone.drawn.get(message.message_id);
    if (!element) {
      element = document.createElement("article");
      element.dataset.messageId = message.message_id;
      phone.drawn.set(message.message_id, element);
      list.append(element);
      grew = true;
    }
    if (element.signature !== signature) {
      const wasEdited = element.content && element.content !== message.html && message.edited;
      fillMessage(element, message, startsDay ? day : "", pressed);
      element.signature = signature;
      element.content = message.html;
      if (wasEdited) flash(find(".bubble", element));
    }
    previous = { day };
  }
  if (grew && person.messages.at(-1)?.from_bot === false) list.dataset.atEnd = "yes";
  if (list.dataset.atEnd) list.scrollTop = list.scrollHeight;
}

// A reader at the end stays there when the chat grows, a picture arrives or the commands open; one who scrolled up stays too.
function keepAtEnd(list) {
  list.dataset.atEnd = "yes";
  list.addEventListener("scroll", () => {
    list.dataset.atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60 ? "yes" : "";
  });
  new ResizeObserver(() => {
    if (list.dataset.atEnd) list.scrollTop = list.scrollHeight;
  }).observe(list);
}

function fillMessage(element, message, day, pressed) {
  element.className = message.from_bot ? "message bot" : "message own";
  const parts = [];
  if (day) {
    const separator = document.createElement("div");
    separator.className = "day";
    separator.textContent = day;
    parts.push(separator);
  }
  const bubble = document.createElement("div");
  bubble.className = "bubble";
  if (message.photo) bubble.append(pictureOf(message.photo, element.parentElement));
  if (message.document) bubble.append(documentOf(message.document));
  const text = document.createElement("div");
  text.className = "text";
  text.innerHTML = message.html; // whitelisted by the server, see markup.py
  const meta = document.createElement("span");
  meta.className = "meta";
  meta.textContent = `${message.edited ? say("edited") + " " : ""}${showTime(message.date)}`;
  if (!message.from_bot) meta.append(ticksOf(message.read));
  text.append(meta);
  bubble.append(text);
  parts.push(bubble);
  if (message.buttons.length) parts.push(keyboardOf(message.buttons, pressed));
  element.replaceChildren(...parts);
}

function pictureOf(photo, list) {
  const image = document.createElement("img");
  image.src = photo.url;
  image.alt = "";
  image.width = photo.width;
  image.height = photo.height;
  image.addEventListener("load", () => {
    if (list.dataset.atEnd) list.scrollTop = list.scrollHeight;
  });
  return image;
}

function documentOf(document_) {
  const link = document.createElement("a");
  link.className = "document";
  link.href = document_.url;
  link.textContent = `📄 ${document_.name}`;
  return link;
}

function ticksOf(read) {
  const ticks = document.createElement("span");
  ticks.className = "ticks";
  ticks.textContent = read ? "✓✓" : "✓";
  return ticks;
}

function keyboardOf(rows, pressed) {
  const keyboard = document.createElement("div");
  keyboard.className = "keyboard";
  for (const row of rows) {
    const line = document.createElement("div");
    line.className = "row";
    for (const button of row) line.append(buttonOf(button, pressed));
    keyboard.append(line);
  }
  return keyboard;
}

function buttonOf(button, pressed) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = button.text;
  if ("callback_data" in button) {
    element.dataset.callback = button.callback_data;
    element.classList.toggle("pressed", pressed.includes(button.callback_data));
  } else if (button.url) {
    element.dataset.url = button.url;
  } else if (button.copy_text) {
    element.dataset.copy = button.copy_text.text;
  }
  return element;
}

function clickInChat(event, phone, person, openLink) {
  const target = event.target.closest("button, a, tg-spoiler, code");
  if (!target) return;
  const id = Number(target.closest("[data-message-id]").dataset.messageId);
  if (target.tagName === "TG-SPOILER") target.classList.add("open");
  else if (target.tagName === "CODE") copy(phone, target.textContent);
  else if (target.dataset.callback !== undefined) ask(`people/${person.key}/press`, { message_id: id, button: target.dataset.callback, by: phone.presser?.value });
  else if (target.dataset.copy !== undefined) copy(phone, target.dataset.copy);
  else if (target.dataset.url !== undefined) follow(target.dataset.url, openLink);
  else if (target.dataset.command !== undefined) {
    event.preventDefault();
    ask(`people/${person.key}/text`, { text: target.dataset.command });
  } else if (target.dataset.start !== undefined && target.dataset.bot.toLowerCase() === botName) {
    event.preventDefault();
    openLink(target.dataset.start);
  }
}

function follow(url, openLink) {
  const start = url.match(/^https?:\/\/t\.me\/(\w+)\?start=([\w-]{0,64})/);
  if (start && start[1].toLowerCase() === botName) openLink(start[2]);
  else if (/^https?:/.test(url)) window.open(url, "_blank", "noopener");
}

async function copy(phone, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch (error) {
    console.warn(error); // a browser may forbid it; the text is on the screen anyway
    return;
  }
  showToast(phone, say("copied"), false);
}

function showToast(phone, text, alert) {
  const toast = document.createElement("div");
  toast.className = alert ? "toast alert" : "toast";
  toast.dataset.role = "toast";
  toast.textContent = text;
  if (alert) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = say("ok");
    button.addEventListener("click", () => toast.remove());
    toast.append(button);
  } else {
    setTimeout(() => toast.remove(), 3500);
  }
  find(".toasts", phone).append(toast);
}

function flash(bubble) {
  bubble.classList.add("changed");
  setTimeout(() => bubble.classList.remove("changed"), 900);
}

function setUpComposer(phone, person) {
  const input = find("[data-role=composer]", phone);
  const form = find(".composer", phone);
  const suggestions = find(".suggestions", phone);
  const send = (text) => {
    if (!text.trim()) return;
    ask(`people/${person.key}/text`, { text });
    input.value = "";
    input.style.height = "";
    suggestions.hidden = true;
    phone.classList.remove("writing");
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(input.value);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send(input.value);
    }
    if (event.key === "Escape") suggestions.hidden = true;
  });
  input.addEventListener("input", () => {
    input.style.height = "auto";
    input.style.height = `${Math.min(input.scrollHeight, 110)}px`;
    phone.classList.toggle("writing", input.value.trim() !== "");
    suggest(phone, suggestions, input.value, send);
  });
  find("[data-action=commands]", phone).addEventListener("click", () => {
    if (suggestions.hidden) suggest(phone, suggestions, "/", send);
    else suggestions.hidden = true;
  });
}

function suggest(phone, suggestions, typed, send) {
  const fitting = typed.startsWith("/") ? phone.commands.filter((one) => `/${one.command}`.startsWith(typed)) : [];
  suggestions.hidden = !fitting.length;
  suggestions.replaceChildren(...fitting.map((one) => {
    const button = document.createElement("button");
    button.type = "button";
    const name = document.createElement("b");
    name.textContent = `/${one.command}`;
    button.append(name, ` ${one.description}`);
    button.addEventListener("click", () => send(`/${one.command}`));
    return button;
  }));
}
