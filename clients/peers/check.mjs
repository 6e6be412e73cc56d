// What a script needs: where things are, the server's series, and a way to compare.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

/** The output of `dauphin init`, and `url`, `forgetful_url`, `record`, `node_modules`, `chromium`. */
export const STAND = JSON.parse(process.env.DAUPHIN_STAND);

/** The write key of each app. */
export const WRITE_KEYS = Object.fromEntries(STAND.apps.map((app) => [app.app_id, app.write_key]));

/** Loads a package from where it is installed. */
export const require = createRequire(join(STAND.node_modules, "package.json"));

/** One check: says what was compared, and what differs. */
export function equal(what, got, want) {
  const same = isDeepStrictEqual(got, want);
  console.log(same ? `ok ${what}` : `not ok ${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}

/** `series("kpi/dau", {length: 2})` is `{"2026-03-01": 1, "2026-03-02": 2}`. */
export async function series(path, parameters) {
  const answer = await fetch(`${STAND.url}/${path}/data_series?${new URLSearchParams(parameters)}`, {
    headers: { Authorization: `Bearer ${STAND.api_key}` },
  });
  const { data } = await answer.json();
  const value = path.split("/").pop();
  return Object.fromEntries(data.map((point) => [point.time, point[value]]));
}

/** What there is of today or of yesterday, so that the hour at which this runs makes no difference. */
export async function countsUntilNow(app_id = "") {
  const total = async (path, length) =>
    Object.values(await series(path, { length, app_id })).reduce((sum, value) => sum + value, 0);
  return {
    mau: await total("kpi/mau", 1),
    new_users: await total("kpi/new_users", 2),
    sessions: await total("sessions", 2),
  };
}

/** What went through the forgetful address, as `POST /path 200` or `POST /path lost`. */
export function recorded() {
  return readFileSync(STAND.record, "utf8").split("\n").filter(Boolean);
}
