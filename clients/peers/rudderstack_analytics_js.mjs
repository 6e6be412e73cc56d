// RudderStack's SDK for web sites, in a browser: sends each message by itself, several at once, in any order.

import { answerTo, inBrowser } from "./browser.mjs";
import { STAND, WRITE_KEYS, countsUntilNow, equal, recorded } from "./check.mjs";

await inBrowser(async (openDevice) => {
  await visitorBecomesKnown(await openDevice());
  await lostAnswer(await openDevice());
  await staysAnonymous(await openDevice());
  await refused(await openDevice());
});

// Loads the SDK, with the settings that its own server would tell it, and calls what `talk` says; the statuses of the
// answers to the messages that `names` says, each the event of a track or the type of another message.
async function statusesOf(names, page, talk, url = STAND.url, writeKey = WRITE_KEYS.web) {
  const statuses = names.map((name) => answerTo(name, page, ({ event, type }) => (event ?? type) === name));
  await page.evaluate(
    async ({ url, writeKey }) => {
      const { RudderAnalytics } = await import("/@rudderstack/analytics-js/dist/npm/modern/bundled/esm/index.mjs");
      const source = { id: "1", name: "a page", writeKey, enabled: true, workspaceId: "1", destinations: [] };
      const quiet = { statsCollection: { errors: { enabled: false }, metrics: { enabled: false } } };
      window.rudder = new RudderAnalytics();
      window.rudder.load(writeKey, url, { getSourceConfig: () => ({ source: { ...source, config: quiet } }) });
    },
    { url, writeKey },
  );
  await page.evaluate(talk);
  return Promise.all(statuses);
}

// One person and one session, whichever of the messages comes first.
async function visitorBecomesKnown(page) {
  const visit = () => {
    window.rudder.page("home");
    window.rudder.track("look");
  };
  equal("statuses", await statusesOf(["page", "look"], page, visit), [200, 200]);
  equal("counts while anonymous", await countsUntilNow(), { mau: 1, new_users: 1, sessions: 1 });
  await page.reload();
  const signIn = () => {
    window.rudder.identify("ada", { plan: "free" });
    window.rudder.track("buy");
  };
  equal("statuses of a sign-in", await statusesOf(["identify", "buy"], page, signIn), [200, 200]);
  equal("counts once known", await countsUntilNow(), { mau: 1, new_users: 1, sessions: 1 });
  equal("counts of the app", await countsUntilNow("web"), { mau: 1, new_users: 1, sessions: 1 });
  equal("counts of the other app", await countsUntilNow("ios"), { mau: 0, new_users: 0, sessions: 0 });
}

// The same message comes twice and counts once; the same user on another device is the same person.
async function lostAnswer(page) {
  const visit = () => {
    window.rudder.identify("ada");
    window.rudder.track("look");
  };
  const statuses = await statusesOf(["identify", "look"], page, visit, STAND.forgetful_url);
  equal("statuses of a retry", statuses, [200, 200]);
  const posts = recorded().filter((line) => line.startsWith("POST "));
  const lost = posts.find((line) => line.endsWith(" lost"));
  equal("requests", posts.toSorted(), [lost, "POST /v1/identify 200", "POST /v1/track 200"].toSorted());
  equal("counts after a retry", await countsUntilNow(), { mau: 1, new_users: 1, sessions: 2 });
}

async function staysAnonymous(page) {
  await statusesOf(["page"], page, () => window.rudder.page("home"));
  equal("counts with a second visitor", await countsUntilNow(), { mau: 2, new_users: 2, sessions: 3 });
}

// A write key that is not there: the SDK can read why.
async function refused(page) {
  const statuses = await statusesOf(["page"], page, () => window.rudder.page("home"), STAND.url, "none");
  equal("statuses for no app", statuses, [401]);
  equal("counts after no app", await countsUntilNow(), { mau: 2, new_users: 2, sessions: 3 });
}
