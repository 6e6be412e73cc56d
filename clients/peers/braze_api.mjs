// The client of npm for Braze's REST API: users of every kind of identity, and all that changes who is who.

import { STAND, equal, require, series } from "./check.mjs";

const { Braze } = require("braze-api");

const DAYS = { length: 2, ending_at: "2026-03-03" };
const LABEL = "device";

const braze = new Braze(STAND.url, STAND.api_key);

await track();
await bulk();
await aliases();
await merge();
await rename();
await erase();
await refused();

function event(who, day, app_id) {
  return { ...who, app_id, name: "open", time: `2026-03-0${day}T10:00:00Z` };
}

function alias(alias_name) {
  return { user_alias: { alias_name, alias_label: LABEL } };
}

async function is(what, dau, mau) {
  equal(`dau ${what}`, Object.values(await series("kpi/dau", DAYS)), dau);
  equal(`mau ${what}`, Object.values(await series("kpi/mau", DAYS)), mau);
}

// Events and purchases count; of two that are sent, the bad one is named.
async function track() {
  const answer = await braze.users.track({
    attributes: [{ external_id: "cleo", language: "en" }],
    events: [event({ external_id: "ada" }, 1, "web"), event({ email: "bob@example.com" }, 1, "ios")],
    purchases: [{ ...event({ external_id: "ada" }, 2, "web"), product_id: "p", currency: "EUR", price: 1 }],
  });
  equal("track", answer, {
    message: "success",
    attributes_processed: 1,
    events_processed: 2,
    purchases_processed: 1,
  });
  await is("after track", [2, 1], [2, 2]);
  const partly = await braze.users.track({
    events: [event({ external_id: "ada" }, 2, "web"), { external_id: "ada", name: "open" }],
  });
  equal("events of track with a bad one", partly.events_processed, 1);
  equal(
    "errors of track with a bad one",
    partly.errors.map(({ input_array, index }) => ({ input_array, index })),
    [{ input_array: "events", index: 1 }],
  );
}

// More than 75 elements are taken in bulk only.
async function bulk() {
  const events = Array.from({ length: 100 }, (_, number) => event({ external_id: `many-${number}` }, 2, "web"));
  const plain = await braze.users.track({ events }).catch((error) => error);
  equal("100 events", plain.status, 400);
  equal("100 events in bulk", (await braze.users.track({ events }, true)).events_processed, 100);
  await is("after bulk", [2, 101], [2, 102]);
}

// An alias is somebody else until somebody says who.
async function aliases() {
  equal("alias.new", await braze.users.alias.new({ user_aliases: [{ alias_name: "one", alias_label: LABEL }] }), {
    aliases_processed: 1,
    message: "success",
  });
  await braze.users.track({ events: [event(alias("one"), 1, "ios"), event(alias("two"), 2, "ios")] });
  await is("with two aliases", [3, 102], [3, 104]);
  const identified = await braze.users.identify({
    aliases_to_identify: [{ external_id: "ada", ...alias("one") }],
    merge_behavior: "merge",
  });
  equal("identify", identified, { aliases_processed: 1, message: "success" });
  await is("after identify", [2, 102], [2, 103]);
  await braze.users.alias.new({ user_aliases: [{ external_id: "ada", alias_name: "two", alias_label: LABEL }] });
  await is("after alias.new of somebody", [2, 101], [2, 102]);
}

async function merge() {
  const merged = await braze.users.merge({
    merge_updates: [
      { identifier_to_merge: { external_id: "many-0" }, identifier_to_keep: { external_id: "many-1" } },
    ],
  });
  equal("merge", merged, { message: "success" });
  await is("after merge", [2, 100], [2, 101]);
}

// Old and new name are one person.
async function rename() {
  const renames = [{ current_external_id: "many-2", new_external_id: "few-2" }];
  const renamed = await braze.users.external_ids.rename({ external_id_renames: renames });
  equal("rename", renamed, { external_ids: renames, rename_errors: [], message: "success" });
  await braze.users.track({ events: [event({ external_id: "few-2" }, 2, "web")] });
  await is("after rename", [2, 100], [2, 101]);
}

// The person is gone under each of their names.
async function erase() {
  equal("delete", await braze.users.delete({ external_ids: ["ada"] }), { deleted: 1, message: "success" });
  await is("after delete", [1, 99], [1, 100]);
}

async function refused() {
  const wrong = await new Braze(STAND.url, "wrong").users
    .track({ events: [event({ external_id: "ada" }, 1, "web")] })
    .catch((error) => error);
  equal("a wrong key", [wrong.status, wrong.message], [401, "Invalid API key"]);
}
