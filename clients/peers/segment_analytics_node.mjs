// Segment's library for Node: batches, closes and flushes, and sends again what was not answered.

import { STAND, WRITE_KEYS, equal, recorded, require, series } from "./check.mjs";

const { Analytics } = require("@segment/analytics-node");

const DAYS = { length: 2, ending_at: "2026-03-03" };
const FIRST = new Date("2026-03-01T10:00:00Z");
const SECOND = new Date("2026-03-02T10:00:00Z");

await anonymousThenKnown();
await everyCall();
await aliased();
await lostAnswer();
await refused();

// Sends what `talk` says, and waits until it is answered; then says which errors the library had.
async function send(app, talk, host = STAND.url) {
  const analytics = new Analytics({ writeKey: WRITE_KEYS[app] ?? app, host, flushAt: 10 });
  const errors = [];
  analytics.on("error", (error) => errors.push(error.reason?.message ?? error.code));
  talk(analytics);
  await analytics.closeAndFlush({ timeout: 30_000 });
  return errors;
}

async function dau(what, want, parameters = {}) {
  equal(`dau ${what}`, Object.values(await series("kpi/dau", { ...DAYS, ...parameters })), want);
}

// Who was seen without a name is one person with who they turn out to be.
async function anonymousThenKnown() {
  await send("web", (analytics) => {
    analytics.page({ anonymousId: "device-1", name: "home", timestamp: FIRST });
    analytics.track({ anonymousId: "device-1", event: "look", timestamp: FIRST });
    analytics.track({ userId: "ada", event: "look", timestamp: FIRST });
  });
  await dau("while anonymous", [2, 0]);
  await send("web", (analytics) => {
    analytics.identify({ userId: "ada", anonymousId: "device-1", timestamp: SECOND });
    analytics.track({ userId: "ada", event: "look", timestamp: SECOND });
  });
  await dau("once known", [1, 1]);
  equal("mau once known", Object.values(await series("kpi/mau", DAYS)), [1, 1]);
  equal("new_users once known", Object.values(await series("kpi/new_users", DAYS)), [1, 0]);
}

// What somebody did or saw makes active, in the app of the write key; who they are and belong to does not.
async function everyCall() {
  await send("ios", (analytics) => {
    analytics.track({ userId: "tina", event: "look", timestamp: SECOND });
    analytics.page({ userId: "pia", name: "home", timestamp: SECOND });
    analytics.screen({ userId: "susi", name: "home", timestamp: SECOND });
    analytics.group({ userId: "gus", groupId: "team", timestamp: SECOND });
    analytics.identify({ userId: "ina", traits: { plan: "free" }, timestamp: SECOND });
  });
  await dau("of ios", [0, 3], { app_id: "ios" });
  await dau("of both", [1, 4]);
}

// Two names of one person.
async function aliased() {
  await send("web", (analytics) => {
    analytics.alias({ previousId: "tina", userId: "ada", timestamp: SECOND });
  });
  await dau("after alias", [1, 3]);
}

// The same batch comes twice and counts once.
async function lostAnswer() {
  const errors = await send(
    "web",
    (analytics) => {
      for (let number = 0; number < 3; number += 1) {
        const context = { sessionId: `session-${number}` };
        analytics.track({ userId: `rita-${number}`, event: "look", timestamp: FIRST, context });
      }
    },
    STAND.forgetful_url,
  );
  equal("errors of a retry", errors, []);
  equal("requests", recorded(), ["POST /v1/batch lost", "POST /v1/batch 200"]);
  await dau("after a retry", [4, 3]);
  equal("sessions after a retry", Object.values(await series("sessions", DAYS)), [3, 0]);
}

// A wrong write key is an error that the caller is told, and nothing is counted.
async function refused() {
  const errors = await send("wrong", (analytics) => {
    analytics.track({ userId: "nobody", event: "look", timestamp: FIRST });
  });
  equal("errors with a wrong key", errors, ["[401] Unauthorized"]);
  await dau("with a wrong key", [4, 3]);
}
