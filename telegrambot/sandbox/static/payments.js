// The pay panel. Amounts are decimal texts of up to 18 places; they are compared as whole numbers, never as floats.

import { ask, copyOf, find, say, setText } from "./basics.js";

const rows = new Map();
const PLACES = 18;

export function drawPayments(payments) {
  const list = find("[data-role=payments]");
  find("[data-role=no-payments]").hidden = payments.length > 0;
  for (const [id, row] of rows) {
    if (!payments.some((payment) => payment.id === id)) {
      row.remove();
      rows.delete(id);
    }
  }
  payments.forEach((payment, index) => {
    let row = rows.get(payment.id);
    if (!row) {
      row = createRow(payment);
      rows.set(payment.id, row);
    }
    const signature = JSON.stringify(payment);
    if (row.signature !== signature) fillRow(row, payment);
    row.signature = signature;
    if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
  });
  // the newest payment opens by itself, once; the browser closes the others (they share a name)
  const newest = payments[0] && rows.get(payments[0].id);
  if (newest && !newest.dataset.shown) {
    newest.open = true;
    newest.dataset.shown = "yes";
  }
}

function createRow(payment) {
  const row = copyOf("#payment-template");
  row.dataset.paymentId = payment.id;
  row.addEventListener("click", (event) => {
    const how = event.target.dataset?.pay;
    if (!how) return;
    const own = find("[data-role=own-amount]", row);
    const amount = how === "rest" ? row.missing : own.value.trim().replace(",", ".");
    own.value = "";
    ask(`payments/${payment.id}/pay`, { how: how === "rest" ? "exact" : how, amount });
  });
  return row;
}

function fillRow(row, payment) {
  const expected = toWhole(payment.amount);
  const received = toWhole(payment.amount_received);
  const missing = expected - received;
  row.missing = toText(missing > 0n ? missing : 0n);
  setText(find(".amount", row), `${payment.amount} ${payment.currency}`);
  setText(find(".usd", row), payment.amount_usd ? say("about", { usd: payment.amount_usd }) : "");
  setText(find(".reference", row), payment.reference);
  setText(find(".network", row), payment.network);
  setText(find(".address", row), payment.address);
  const state = payment.status !== "confirmed" ? payment.status : missing > 0n ? "short" : missing < 0n ? "over" : "confirmed";
  const chip = find(".chip", row);
  setText(chip, say(state));
  chip.dataset.state = state;
  const count = payment.transactions.length;
  const parts = count
    ? [say("received", { amount: toText(received), count: count === 1 ? say("receivedOne") : say("receivedMany", { n: count }) })]
    : [];
  if (count && missing > 0n) parts.push(say("missing", { amount: row.missing }));
  setText(find(".received", row), parts.join(" · "));
  find("[data-pay=rest]", row).hidden = !(count && missing > 0n);
  find("[data-pay=exact]", row).classList.toggle("main", !count);
  find("[data-role=deliveries]", row).replaceChildren(...payment.deliveries.slice(-6).reverse().map(deliveryOf));
}

function deliveryOf(delivery) {
  const item = document.createElement("li");
  item.dataset.state = delivery.state;
  const name = document.createElement("span");
  name.textContent = say(`event_${delivery.type.split(".")[1]}`) + (delivery.forged ? ` (${say("forged")})` : "");
  const answer = document.createElement("b");
  const last = delivery.answers.at(-1);
  const status = last === undefined ? "…" : last === 0 ? say("noAnswer") : String(last);
  const tries = delivery.answers.length > 1 ? ` · ${say("tries", { n: delivery.answers.length })}` : "";
  answer.textContent = status + (delivery.state === "waiting" ? tries : ` ${say(delivery.state)}${tries}`);
  item.append(name, answer);
  return item;
}

function toWhole(text) {
  const [whole, part = ""] = text.split(".");
  return BigInt(whole + part.padEnd(PLACES, "0").slice(0, PLACES));
}

function toText(whole) {
  const digits = whole.toString().padStart(PLACES + 1, "0");
  return `${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`.replace(/\.?0+$/, "");
}
