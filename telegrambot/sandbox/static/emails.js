// The e-mail pane and the dialog that shows one e-mail.

import { copyOf, find, say, setText, showDay, showTime } from "./basics.js";

const rows = new Map();
let shown = null;

export function drawEmails(emails) {
  const list = find("[data-role=emails]");
  find("[data-role=no-emails]").hidden = emails.length > 0;
  const known = rows.size > 0;
  for (const [id, row] of rows) {
    if (!emails.some((email) => email.id === id)) {
      row.remove();
      rows.delete(id);
    }
  }
  emails.forEach((email, index) => {
    let row = rows.get(email.id);
    if (!row) {
      row = createRow(email);
      if (known) row.classList.add("unread");
      rows.set(email.id, row);
    }
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
  });
}

export function setUpEmails() {
  const dialog = find("#email-dialog");
  for (const tab of dialog.querySelectorAll("[data-part]")) {
    tab.addEventListener("click", () => showPart(tab.dataset.part));
  }
  dialog.addEventListener("close", () => find("[data-role=email-body]").removeAttribute("src"));
}

function createRow(email) {
  const row = copyOf("#email-template");
  row.dataset.emailId = email.id;
  setText(find(".subject", row), email.subject);
  setText(find("time", row), showTime(email.at));
  setText(find(".to", row), say("to", { to: email.to }));
  setText(find(".preview", row), email.preview);
  row.addEventListener("click", () => {
    row.classList.remove("unread");
    shown = email;
    setText(find("#email-subject"), email.subject);
    setText(find("[data-role=email-facts]"), `${say("to", { to: email.to })} · ${showDay(email.at)} ${showTime(email.at)}`);
    showPart("html");
    find("#email-dialog").showModal();
  });
  return row;
}

function showPart(part) {
  find("[data-role=email-body]").src = `/sandbox/emails/${encodeURIComponent(shown.id)}?part=${part}`;
  for (const tab of document.querySelectorAll("#email-dialog [data-part]")) tab.classList.toggle("chosen", tab.dataset.part === part);
}
