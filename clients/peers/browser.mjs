// A browser at a page that is not the server's own, so that the server is asked across origins.

import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { join, normalize } from "node:path";

import { STAND, require } from "./check.mjs";

const { chromium } = require("playwright-core");

const FLAGS = [
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Nothing leaves this machine, whatever a library would like to fetch.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/** Calls `talk` with a function that opens a page as a device of its own: nothing stored, nobody known. */
export async function inBrowser(talk) {
  const site = createServer(serve);
  await new Promise((listening) => site.listen(0, "127.0.0.1", listening));
  const browser = await chromium.launch({ executablePath: STAND.chromium, args: FLAGS });
  try {
    await talk(async () => {
      const device = await browser.newContext();
      const page = await device.newPage();
      await page.goto(`http://127.0.0.1:${site.address().port}/`);
      return page;
    });
  } finally {
    await browser.close();
    site.close();
  }
}

/** The status of the answer to a request whose JSON body is what `isMeant` says; `what` names it. */
export async function answerTo(what, page, isMeant) {
  const response = await page
    .waitForResponse((response) => {
      const body = response.request().postDataJSON();
      return body !== null && isMeant(body);
    })
    .catch((error) => {
      throw new Error(`no answer to ${what}: ${error.message}`);
    });
  return response.status();
}

// An empty page, and the installed packages beside it.
function serve(request, response) {
  const path = normalize(new URL(request.url, "http://127.0.0.1").pathname);
  if (!/\.m?js$/.test(path)) {
    response.setHeader("Content-Type", "text/html");
    response.end("<!doctype html><title>A page</title>");
    return;
  }
  response.setHeader("Content-Type", "text/javascript");
  const file = createReadStream(join(STAND.node_modules, path));
  file.on("error", () => response.writeHead(404).end());
  file.pipe(response);
}
