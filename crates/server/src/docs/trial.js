// A request as a line for the shell, and, where it only reads, tried from here.

const TRIAL_MILLISECONDS_MAX = 20_000;
const TRIAL_CHARACTERS_MAX = 20_000;

const schemesOf = (operation) => (operation.security ?? []).flatMap((choice) => Object.keys(choice));
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const exampleValue = (parameter) => String(resolved(parameter.schema).examples?.[0] ?? resolved(parameter.schema).default ?? "");

// The line for the shell; `values` are parameters of the query that were filled in.
function curlLine({ method, path, operation }, values) {
  const where = location.origin + address(path, values);
  const parts = ["curl"];
  const schemes = schemesOf(operation);
  if (schemes.includes("bearer")) parts.push(`-H "Authorization: Bearer $KEY"`);
  if (schemes.includes("writeKey")) parts.push(`-u "$WRITE_KEY:"`);
  if (schemes.includes("appIdentifier")) parts.push(`-H "X-Braze-Api-Key: $APP_ID"`);
  const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  if (type) {
    const example = exampleOf(media);
    const body = typeof example === "string" ? example : JSON.stringify(example);
    parts.push(`-H ${quoted(`Content-Type: ${type}`)}`, `--data-binary ${quoted(body)}`);
  } else if (method !== "get") {
    parts.push("-X", method.toUpperCase());
  }
  parts.push(quoted(where));
  return parts.join(" ");
}

// The values of required parameters, as examples have them.
function firstValues(operation) {
  const needed = (operation.parameters ?? []).map(resolved).filter((parameter) => parameter.required && parameter.in === "query");
  return Object.fromEntries(needed.map((parameter) => [parameter.name, exampleValue(parameter)]));
}

// A form of the parameters, and what the server answers.
function trial(route, changed) {
  const parameters = (route.operation.parameters ?? []).map(resolved).filter((parameter) => parameter.in === "query");
  const values = firstValues(route.operation);
  const output = element("output", { "aria-live": "polite" });
  const button = element("button", { class: "button", type: "submit" }, "Try it");
  const rows = parameters.map((parameter) => {
    const id = `${route.operation.operationId}-${parameter.name}`;
    const note = (event) => {
      values[parameter.name] = event.target.value;
      changed(values);
    };
    const choices = resolved(parameter.schema).enum;
    const input = choices
      ? element("select", { id, onchange: note }, ["", ...choices].map((choice) => element("option", { value: choice }, choice || "not said")))
      : element("input", { id, type: "text", autocomplete: "off", spellcheck: "false", value: values[parameter.name] ?? "", placeholder: exampleValue(parameter), oninput: note });
    return element("div", { class: "docs-trial-row" }, element("label", { for: id }, parameter.name), input);
  });
  const form = element("form", { class: "docs-trial", novalidate: true }, rows, button, output);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    output.replaceChildren(...(await answerOf(route, values)));
    button.disabled = false;
  });
  return form;
}

async function answerOf({ path, operation }, values) {
  const headers = schemesOf(operation).includes("bearer") && key.value ? { Authorization: `Bearer ${key.value}` } : {};
  try {
    const response = await fetch(address(path, values), {
      headers, cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(TRIAL_MILLISECONDS_MAX),
    });
    const text = await response.text();
    const left = response.headers.get("X-RateLimit-Remaining");
    const good = response.ok ? "docs-good" : "docs-bad";
    const hint = response.status === 401 ? "Type a key at the top of the page." : left && `${whole(Number(left))} requests left in this hour`;
    return [
      element("p", { class: "docs-status" }, element("b", { class: good }, String(response.status)), hint && element("span", { class: "muted" }, hint)),
      element("pre", { tabindex: "0" }, element("code", {}, readable(text))),
    ];
  } catch {
    return [element("p", { class: "docs-bad" }, "The server does not answer.")];
  }
}

function readable(text) {
  let shown = text;
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* It is no JSON; shown as it came. */ }
  return shown.length > TRIAL_CHARACTERS_MAX ? `${shown.slice(0, TRIAL_CHARACTERS_MAX)}\n…` : shown;
}
