// The page: the groups of routes, each route with what it takes and answers.

const GROUP_PREFIX = "group-";

// Every route of the document, in its order: `{method, path, operation, host, words}`.
const routes = [];

async function open() {
  rememberedTheme();
  find("key").value = key.read();
  try {
    const response = await fetch("/openapi.json", { signal: AbortSignal.timeout(TRIAL_MILLISECONDS_MAX) });
    description = await response.json();
  } catch {
    find("notice").hidden = false;
    write(find("notice"), "The description could not be read; load the page again.");
    return;
  }
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) routes.push({ method, path, operation });
  }
  write(find("version"), description.info.version);
  find("intro").replaceChildren(...introduction());
  const groups = description.tags.map((tag) => ({ tag, members: routes.filter((route) => route.operation.tags.includes(tag.name)) }));
  find("contents").replaceChildren(...groups.map(contentsLine));
  find("groups").replaceChildren(...groups.map(groupSection));
  wire();
  showFragment();
}

function introduction() {
  const paragraphs = description.info.description.split("\n\n").map((text) => element("p", {}, prose(text)));
  const schemes = Object.entries(description.components.securitySchemes).flatMap(([name, scheme]) => [
    element("dt", {}, SCHEMES[name] ?? name), element("dd", {}, prose(scheme.description)),
  ]);
  return [...paragraphs, element("dl", { class: "docs-schemes" }, schemes)];
}

const SCHEMES = { bearer: "API key", apiKeyInQuery: "In the query", appIdentifier: "App identifier", writeKey: "Write key" };

const slug = (name) => GROUP_PREFIX + name.toLowerCase().replaceAll(" ", "-");

function contentsLine({ tag, members }) {
  return element("a", { href: `#${slug(tag.name)}`, "data-group": tag.name }, tag.name, element("span", {}, String(members.length)));
}

function groupSection({ tag, members }) {
  return element("section", { class: "docs-group", id: slug(tag.name), "data-group": tag.name },
    element("h2", {}, tag.name), element("p", {}, prose(tag.description)), members.map(routeCard));
}

// A route; its inside is drawn when it is first opened.
function routeCard(route) {
  const { method, path, operation } = route;
  const host = element("details", { class: "card docs-route", id: operation.operationId },
    element("summary", {},
      element("span", { class: `docs-method docs-method-${method}` }, method.toUpperCase()),
      element("span", { class: "docs-path" }, path),
      element("span", { class: "docs-says" }, operation.summary)));
  host.addEventListener("toggle", () => {
    if (!host.open || host.children.length > 1) return;
    host.append(inside(route));
    if (!location.hash.endsWith(`#${operation.operationId}`)) history.replaceState(null, "", `#${operation.operationId}`);
  });
  route.host = host;
  route.words = `${method} ${path} ${operation.summary} ${operation.description ?? ""} ${operation.tags}`.toLowerCase();
  return host;
}

function inside(route) {
  const { operation } = route;
  const parameters = (operation.parameters ?? []).map(resolved);
  const rows = parameters.map((parameter) => ({ name: parameter.name, schema: parameter.schema, isRequired: parameter.required, says: parameter.description }));
  const taken = Object.entries(operation.requestBody?.content ?? {});
  const curl = element("code", {}, curlLine(route, firstValues(operation)));
  const copy = element("button", { class: "button", type: "button" });
  copyButton(copy, "Copy", () => curl.textContent);
  const isRead = route.method === "get";
  const left = element("div", {},
    element("div", {}, operation.description && element("p", {}, prose(operation.description)), accessLine(operation)),
    rows.length > 0 && part("Parameters", fieldRows(rows)),
    taken.length > 0 && part("Body", taken.map(mediaBlock)),
    part("Request", element("div", { class: "command" }, curl, copy)),
    isRead && part("Try it", trial(route, (values) => write(curl, curlLine(route, values)))));
  const answers = Object.entries(operation.responses).map(([status, answer]) => [status, resolved(answer)]);
  const good = answers.filter(([status]) => status < "300");
  const bad = answers.filter(([status]) => status >= "300");
  const right = element("div", {},
    good.map(([status, answer]) => part(statusLine(status, answer, "docs-good"), Object.entries(answer.content ?? {}).map(mediaBlock))),
    bad.length > 0 && part("Refusals and faults", element("div", { class: "docs-refusals" }, bad.map(refusal))));
  return element("div", { class: "docs-inside" }, left, right);
}

const part = (heading, ...content) => element("div", {}, element("h3", {}, heading), ...content);

const statusLine = (status, answer, kind) =>
  element("span", { class: "docs-status" }, element("b", { class: kind }, status), element("span", {}, prose(answer.description)));

function mediaBlock([type, media]) {
  const members = membersOf(media.schema);
  const example = exampleOf(media);
  const says = resolved(media.schema).description;
  return element("div", { class: "docs-media" },
    element("p", { class: "docs-type" }, type, says && [". ", prose(says)]),
    example !== undefined && picture(example),
    members && fieldRows(members));
}

function refusal([status, answer]) {
  return element("details", {}, element("summary", {}, statusLine(status, answer, "docs-bad")),
    Object.entries(answer.content ?? {}).map(([type, media]) => {
      const examples = Object.values(media.examples ?? {});
      return element("div", { class: "docs-media" }, examples.map((example) => picture(example.value)));
    }));
}

function accessLine(operation) {
  const schemes = schemesOf(operation);
  const permission = operation.security?.[0]?.bearer?.[0];
  const words = schemes.length === 0 ? ["Open to anybody."]
    : schemes.includes("writeKey") ? ["Needs an app's write key."]
    : schemes.includes("appIdentifier") ? ["Needs an app's identifier."]
    : permission ? ["Needs a key with the permission ", element("code", {}, permission), "."] : ["Needs any valid key."];
  return element("p", { class: "docs-access" }, words);
}

// Finding, going there, looks

function search() {
  const wanted = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const route of routes) route.host.hidden = !wanted.every((word) => route.words.includes(word));
  for (const section of find("groups").children) section.hidden = [...section.querySelectorAll(".docs-route")].every((card) => card.hidden);
  find("nothing").hidden = routes.some((route) => !route.host.hidden);
}

function showFragment() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.matches(".docs-route")) target.open = true;
  target?.scrollIntoView();
}

function markGroup() {
  const sections = [...find("groups").children].filter((section) => !section.hidden);
  const current = sections.findLast((section) => section.getBoundingClientRect().top < 140) ?? sections[0];
  for (const link of find("contents").children) link.setAttribute("aria-current", String(link.dataset.group === current?.dataset.group));
}

function wire() {
  find("search").addEventListener("input", search);
  find("key").addEventListener("input", (event) => key.keep(event.target.value.trim()));
  find("theme").addEventListener("click", chooseTheme);
  addEventListener("hashchange", showFragment);
  addEventListener("scroll", markGroup, { passive: true });
  markGroup();
}

open();
