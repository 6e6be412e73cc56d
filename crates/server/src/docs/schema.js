// The document: references followed, schemas in words.

let description = null;

// What a reference means; what is none means itself.
function resolved(thing) {
  let found = thing;
  while (found?.$ref) {
    const where = found.$ref.split("/").slice(1).map((part) => decodeURIComponent(part));
    found = where.reduce((inside, part) => inside?.[part], description);
  }
  return found ?? {};
}

const nameOf = (schema) => schema?.$ref?.split("/").at(-1);

// Text with `code` between backticks.
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

// A schema's type in a few words: "whole number, 1 to 100".
function typeOf(given) {
  const schema = resolved(given);
  if ("const" in schema) return `always ${JSON.stringify(schema.const)}`;
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  const choices = schema.oneOf ?? (schema.type ? null : schema.anyOf);
  if (choices) return choices.map(typeOf).join(", or ");
  if (schema.type === "array") {
    const most = schema.maxItems === 0 ? "empty list" : schema.maxItems ? `list of at most ${whole(schema.maxItems)}` : "list";
    return schema.items ? `${most}: ${nameOf(schema.items) ?? typeOf(schema.items)}` : most;
  }
  const types = [schema.type].flat().map((type) => TYPES[type] ?? "anything").join(" or ");
  return [types, boundsOf(schema), FORMATS[schema.format]].filter(Boolean).join(", ");
}

const TYPES = { integer: "whole number", number: "number", string: "text", boolean: "true or false", object: "object", null: "null" };
const FORMATS = {
  date: "a date", "date-time": "a time with its offset", instant: "a time or a date", "app-identifier": "an app's identifier",
  "time-zone": "an IANA time zone", "unix-seconds": "Unix seconds", subnet: "an address or subnet", permission: "a permission",
  "write-key": "an app's write key", ndjson: "lines of JSON", csv: "CSV with a header",
};

function boundsOf(schema) {
  const { minimum, maximum, minLength, maxLength } = schema;
  if (minimum != null && maximum != null) return `${whole(minimum)} to ${whole(maximum)}`;
  if (minimum != null) return `${whole(minimum)} or more`;
  if (maxLength != null && !schema.format) return `${minLength ? `${minLength} to ` : "up to "}${whole(maxLength)} characters`;
  return "";
}

// The members of an object, or of the objects in a list, if the schema has any.
function membersOf(given) {
  const schema = resolved(given);
  if (schema.type === "array") return membersOf(schema.items);
  const choices = schema.properties ? [schema] : (schema.oneOf ?? schema.anyOf ?? []).map(resolved);
  const chosen = choices.find((choice) => choice.properties) ?? choices.map((choice) => resolved(choice.items)).find((choice) => choice.properties);
  if (!chosen) return null;
  const required = new Set(chosen.required);
  return Object.entries(chosen.properties).map(([name, member]) => ({ name, schema: member, isRequired: required.has(name) }));
}

// A row of a parameter or a member: name, type, meaning, and what is inside.
function fieldRow({ name, schema, isRequired, says }) {
  const meaning = says ?? resolved(schema).description;
  const inside = membersOf(schema);
  const standard = resolved(schema).default;
  return element("div", { class: "docs-field" },
    element("p", {},
      element("span", { class: "docs-name" }, name),
      element("span", { class: "docs-type" }, typeOf(schema) + (standard === undefined ? "" : `; ${standard} if not said`)),
      isRequired && element("span", { class: "docs-needed" }, "required")),
    meaning && element("p", {}, prose(meaning)),
    inside && element("details", { class: "docs-nested" },
      element("summary", {}, `Inside ${nameOf(schema) ?? name}`),
      fieldRows(inside)));
}

function fieldRows(fields) {
  return element("div", { class: "docs-fields" }, fields.map(fieldRow));
}

// The example of a media type: its own, or its schema's.
function exampleOf(media) {
  const named = Object.values(media.examples ?? {});
  return media.example ?? named[0]?.value ?? resolved(media.schema).examples?.[0];
}

const textOf = (example) => (typeof example === "string" ? example : JSON.stringify(example, null, 2));

function picture(example) {
  return element("pre", { tabindex: "0" }, element("code", {}, textOf(example)));
}
