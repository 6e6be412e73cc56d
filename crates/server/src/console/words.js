"use strict";

// Days, numbers and elements: how things are written.

// A day is a plain calendar date, held as the number of days since 1970-01-01. Only UTC is ever asked of `Date`,
// so that the browser's zone cannot move a day.
const DAY_MILLISECONDS = 86_400_000;
const LANGUAGES = navigator.languages?.length ? [...navigator.languages] : undefined;

const dayOfText = (text) => Date.parse(`${text}T00:00:00Z`) / DAY_MILLISECONDS;
const textOfDay = (day) => new Date(day * DAY_MILLISECONDS).toISOString().slice(0, 10);

const dayFormat = (parts) => {
  const format = new Intl.DateTimeFormat(LANGUAGES, { timeZone: "UTC", ...parts });
  return (day) => format.format(new Date(day * DAY_MILLISECONDS));
};
const shortDay = dayFormat({ day: "numeric", month: "short" });
const fullDay = dayFormat({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const spokenDay = dayFormat({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const weekDay = dayFormat({ weekday: "short", day: "numeric", month: "short" });
const clockFormat = new Intl.DateTimeFormat(LANGUAGES, { hour: "2-digit", minute: "2-digit" });

const numberFormat = (options) => {
  const format = new Intl.NumberFormat(LANGUAGES, options);
  return (value) => format.format(value);
};
const whole = numberFormat({ maximumFractionDigits: 0 });
const compact = numberFormat({ notation: "compact", maximumFractionDigits: 2 });
const signed = numberFormat({ maximumFractionDigits: 0, signDisplay: "exceptZero" });
const decimal = numberFormat({ minimumFractionDigits: 2, maximumFractionDigits: 2 });
const percent = numberFormat({ style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const axisPercent = numberFormat({ style: "percent", maximumFractionDigits: 1 });
const signedPercent = numberFormat({ style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero" });
const signedPoints = numberFormat({ minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero" });

// Builds an element. Properties that start with `on` are listeners; a child may be text, an element or nothing.
function element(name, properties = {}, ...children) {
  return build(document.createElement(name), properties, children);
}

// The same for a picture.
function shape(name, properties = {}, ...children) {
  return build(document.createElementNS("http://www.w3.org/2000/svg", name), properties, children);
}

function build(node, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

const find = (id) => document.getElementById(id);
const icon = (name) => shape("svg", { "aria-hidden": "true" }, shape("use", { href: `#icon-${name}` }));
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// Sets text only where it differs, so that a selection or a screen reader is not disturbed.
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// A row of buttons of which one is chosen. Returns how to choose.
function segments(host, label, choices, choose) {
  host.setAttribute("role", "group");
  host.setAttribute("aria-label", label);
  host.replaceChildren(...choices.map(([value, text, title]) =>
    element("button", { type: "button", title, "data-value": value, onclick: () => choose(value) }, text)));
  return (chosen) => {
    for (const button of host.children) {
      const isChosen = button.dataset.value === String(chosen);
      const wasChosen = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(isChosen));
      if (isChosen && !wasChosen) host.scrollLeft = button.offsetLeft - host.offsetLeft - (host.clientWidth - button.clientWidth) / 2;
    }
  };
}

// Says something to those who cannot see the page.
function speak(text) {
  find("spoken").textContent = text;
}

// Puts text on the clipboard, also where the page was opened without TLS and the modern way is closed.
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = element("textarea", { class: "visually-hidden", readonly: true });
    field.value = text;
    document.body.append(field);
    const focused = document.activeElement;
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    focused?.focus();
    return copied;
  }
}

// A button that copies what `text` returns when it is pressed.
function copyButton(button, label, text) {
  const rest = () => {
    button.classList.remove("done");
    button.replaceChildren(icon("copy"), label);
  };
  rest();
  button.addEventListener("click", async () => {
    const copied = await copyText(text());
    button.replaceChildren(icon("copy"), copied ? "Copied" : "Not copied");
    button.classList.toggle("done", copied);
    speak(copied ? "Copied" : "The browser did not allow copying");
    clearTimeout(button.restTimer);
    button.restTimer = setTimeout(rest, 1600);
  });
}
