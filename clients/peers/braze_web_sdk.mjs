// Braze's SDK for web sites, in a browser: an anonymous visitor signs in, comes back, and uses a second device.

import { answerTo, inBrowser } from "./browser.mjs";
import { STAND, countsUntilNow, equal, recorded } from "./check.mjs";

await inBrowser(async (openDevice) => {
  await visitorBecomesKnown(await openDevice());
  await lostAnswer(await openDevice());
  await staysAnonymous(await openDevice());
  await refused(await openDevice());
});

// Loads the SDK and calls what `talk` says; the status of the answer to the request that carries the event `name`.
async function statusOf(name, page, talk, url = STAND.url, app = "web") {
  const status = answerTo(name, page, ({ events }) => (events ?? []).some((event) => event.name === name));
  await page.evaluate(
    async ({ url, app }) => {
      window.braze = await import("/@braze/web-sdk/src/index.js");
      const options = { baseUrl: url, manageServiceWorkerExternally: true, disablePushTokenMaintenance: true };
      window.braze.initialize(app, { ...options, doNotLoadFontAwesome: true });
    },
    { url, app },
  );
  await page.evaluate(talk);
  await page.evaluate(() => window.braze.requestImmediateDataFlush());
  return status;
}

// Two sessions, since the SDK begins one when somebody signs in; one person, since the first was theirs.
async function visitorBecomesKnown(page) {
  equal("status of a session start", await statusOf("ss", page, () => window.braze.openSession()), 200);
  equal("counts while anonymous", await countsUntilNow(), { mau: 1, new_users: 1, sessions: 1 });
  const signedIn = await statusOf("ce", page, () => {
    window.braze.logCustomEvent("look");
    window.braze.changeUser("ada");
  });
  equal("status of a change of user", signedIn, 200);
  equal("counts once known", await countsUntilNow(), { mau: 1, new_users: 1, sessions: 2 });
  equal("counts of the app", await countsUntilNow("web"), { mau: 1, new_users: 1, sessions: 2 });
  equal("counts of the other app", await countsUntilNow("ios"), { mau: 0, new_users: 0, sessions: 0 });

  await page.reload();
  const bought = await statusOf("p", page, () => {
    window.braze.openSession();
    window.braze.logPurchase("p", 1.5, "EUR", 1);
  });
  equal("status of a purchase", bought, 200);
  equal("counts after coming back", await countsUntilNow(), { mau: 1, new_users: 1, sessions: 2 });
}

// The same request comes twice and counts once; the same user on another device is the same person.
async function lostAnswer(page) {
  const talk = () => {
    window.braze.changeUser("ada");
    window.braze.openSession();
  };
  equal("status of a retry", await statusOf("ss", page, talk, STAND.forgetful_url), 200);
  const posts = recorded().filter((line) => line.startsWith("POST /api/v3/data/"));
  equal("requests", posts.slice(0, 2), ["POST /api/v3/data/ lost", "POST /api/v3/data/ 200"]);
  equal("counts after a retry", await countsUntilNow(), { mau: 1, new_users: 1, sessions: 3 });
}

async function staysAnonymous(page) {
  await statusOf("ss", page, () => window.braze.openSession());
  equal("counts with a second visitor", await countsUntilNow(), { mau: 2, new_users: 2, sessions: 4 });
}

// An app that is not there: the SDK can read why.
async function refused(page) {
  equal("status for no app", await statusOf("ss", page, () => window.braze.openSession(), STAND.url, "none"), 401);
  equal("counts after no app", await countsUntilNow(), { mau: 2, new_users: 2, sessions: 4 });
}
