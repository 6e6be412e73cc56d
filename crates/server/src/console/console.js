// The page: what is shown, when it is asked for, and how it is put on the screen.

const LIVE_MILLISECONDS = 2_000;
const THRIFTY_MILLISECONDS = 15_000;
const PACE_MILLISECONDS = 60_000;
const SLIDING_MILLISECONDS = 120;
const RETRY_SECONDS_MAX = 60;
const APPS_PER_PAGE = 12;
const SPARK_DAYS = 30;

const METRICS = {
  dau: { name: "DAU", path: () => ["/kpi/dau/data_series"], field: "dau", title: () => "Daily active users", explained: () => "People active on the day." },
  wau: { name: "WAU", path: () => ["/kpi/active_users/data_series", { window: 7 }], field: "active_users", title: () => "Weekly active users", explained: () => "People active on at least one of the 7 days up to the day." },
  mau: { name: "MAU", path: () => ["/kpi/mau/data_series"], field: "mau", title: () => "Monthly active users", explained: () => "People active on at least one of the 30 days up to the day." },
  window: {
    name: "Any window", path: () => ["/kpi/active_users/data_series", { window: view.window }], field: "active_users",
    title: () => `Active users, ${view.window} ${view.window === 1 ? "day" : "days"}`,
    explained: () => (view.window === 1 ? "People active on the day." : `People active on at least one of the ${view.window} days up to the day.`),
  },
  new: { name: "New users", path: () => ["/kpi/new_users/data_series"], field: "new_users", title: () => "New users", explained: () => "People whose first activity ever was on the day." },
  stickiness: { name: "Stickiness", path: () => ["/kpi/stickiness/data_series"], field: "stickiness", isRatio: true, title: () => "Stickiness", explained: () => "DAU ÷ MAU: of the people active in 30 days, the share active on the day." },
};
const RANGES = [14, 30, 90, 100];
const GROWTH_WINDOWS = [[1, "Daily"], [7, "Weekly"], [30, "Monthly"]];

// What the reader chose. It is kept in the address's fragment, so a link shows the same; the key never is.
const DEFAULT_VIEW = { app: "", metric: "dau", window: 14, range: 30, ending: "", growth: 30 };
const view = { ...DEFAULT_VIEW, seriesTable: false, growthTable: false, fromZero: true, sameScale: true, appsShown: APPS_PER_PAGE, showsEmpty: true };

let workspace = null;
let today = null;
let emptyIsCertain = false;
let appsAreNear = false;

// Addresses

function seriesAddress(metric, { length = SERIES_LENGTH, app = view.app, ending = "" } = {}) {
  const [path, parameters] = METRICS[metric].path();
  return address(path, { length, ...parameters, app_id: app, ending_at: endingParameter(ending) });
}

function growthAddress(length = SERIES_LENGTH) {
  return address("/kpi/growth/data_series", { length, window: view.growth, app_id: view.app, ending_at: endingParameter(view.ending) });
}

// A date as `ending_at` means its midnight, which ends the day before: the day after is asked for.
const endingParameter = (ending) => (ending ? textOfDay(dayOfText(ending) + 1) : "");

const appsShown = () => workspace.apps.slice(0, view.appsShown);
const TILE_METRICS = ["dau", "wau", "mau", "stickiness", "new"];

function neededAddresses() {
  const needed = TILE_METRICS.map((metric) => seriesAddress(metric));
  needed.push(seriesAddress(view.metric, { ending: view.ending }), growthAddress());
  if (appsAreNear && workspace.apps.length > 1) {
    needed.push(seriesAddress("mau", { app: "", ending: view.ending }));
    for (const app of appsShown()) needed.push(seriesAddress("mau", { app: app.app_id, ending: view.ending }));
  }
  return [...new Set(needed)];
}

// The fragment

function readFragment() {
  const fragment = location.hash.slice(1);
  const read = {};
  for (const pair of fragment.split("&")) {
    const [name, value = ""] = pair.split(/=(.*)/s);
    try { read[name] = decodeURIComponent(value); } catch { /* A broken escape is no value. */ }
  }
  if (read.key) key.keep(read.key.trim());
  if (read.theme === "dark" || read.theme === "light") document.documentElement.dataset.theme = read.theme;
  if (Object.hasOwn(METRICS, read.metric ?? "")) view.metric = read.metric;
  if (RANGES.includes(Number(read.range))) view.range = Number(read.range);
  if (isWindow(read.window)) view.window = Number(read.window);
  if (GROWTH_WINDOWS.some(([days]) => days === Number(read.growth))) view.growth = Number(read.growth);
  if (/^\d{4}-\d\d-\d\d$/.test(read.ending ?? "") && Number.isFinite(dayOfText(read.ending))) view.ending = read.ending;
  if (read.app) view.app = read.app;
  writeFragment();
  return Boolean(read.key);
}

const isWindow = (text) => /^\d{1,3}$/.test(text ?? "") && Number(text) >= 1 && Number(text) <= 366;

function writeFragment() {
  const pairs = Object.keys(DEFAULT_VIEW).filter((name) => view[name] !== DEFAULT_VIEW[name]).map((name) => `${name}=${encode(String(view[name]))}`);
  history.replaceState(null, "", location.pathname + (pairs.length ? `#${pairs.join("&")}` : ""));
}

// Asking: one loop, which everything that waits goes through

const loop = { timer: 0, failures: 0, running: false, again: false, refreshedAt: 0, heldUntil: 0, livePolls: [] };

async function turn() {
  clearTimeout(loop.timer);
  if (document.hidden || !key.value) return;
  if (loop.running) {
    loop.again = true;
    return;
  }
  loop.running = true;
  loop.again = false;
  let wait = LIVE_MILLISECONDS;
  try {
    if (!workspace || Date.now() - loop.refreshedAt >= STALE_MILLISECONDS) await refresh();
    else await pollLive();
    loop.failures = 0;
    loop.heldUntil = 0;
    const isScarce = budget.limit !== null && budget.remaining < budget.limit / 10;
    if (isScarce) wait = THRIFTY_MILLISECONDS;
    showStatus("live", isScarce ? "Live, slowly" : "Live");
    showNotice(isScarce ? "Few requests are left in this hour; the console asks seldom and leaves them to your programs." : "");
  } catch (failure) {
    if (!(failure instanceof Failure)) console.error(failure);
    if (failure.status === 401) {
      loop.running = false;
      leave("This key was not accepted. It may be mistyped, revoked, or of another server.");
      return;
    }
    wait = failure.status === STALE ? 0 : hold(failure);
  }
  loop.running = false;
  showBudget();
  loop.timer = setTimeout(turn, loop.again && !loop.heldUntil ? 0 : wait);
}

// Waits after a failure: as long as the server asked for, else longer each time. Returns milliseconds.
function hold(failure) {
  loop.failures += 1;
  const backoff = Math.min(RETRY_SECONDS_MAX, 2 ** loop.failures) * (0.8 + 0.4 * Math.random());
  const seconds = Math.ceil(failure.retrySeconds ?? backoff);
  loop.heldUntil = Date.now() + seconds * 1000;
  const until = clockFormat.format(new Date(loop.heldUntil));
  if (failure.status === 429) {
    showStatus("held", `Paused until ${until}`);
    const all = budget.limit ? `All ${whole(budget.limit)} requests of this hour are used` : "All requests of this hour are used";
    showNotice(`${all}. Counting goes on; the console reads again at ${until}.`);
  } else {
    showStatus("held", "Reconnecting");
    const what = failure.status ? failure.message : "The server does not answer";
    showNotice(`${what}. Trying again ${seconds < 5 ? "in a moment" : `in ${seconds} seconds`}${series.kept.size ? "; the numbers below are the last ones received" : ""}.`);
  }
  renderSoon();
  return Math.min(seconds * 1000, 2 ** 31 - 1);
}

// Brings all that is shown and is not fresh.
async function refresh() {
  loop.refreshedAt = 0;
  const answer = await ask("/console/workspace");
  const isFirst = !workspace;
  workspace = { name: answer.workspace, zone: answer.zone, apps: answer.apps };
  if (isFirst) document.title = `${workspace.name} · Dauphin`;
  renderPlace();
  await bring();
  loop.refreshedAt = Date.now();
}

async function bring() {
  const requests = neededAddresses().map((where) => series.bring(where).then(() => { noteToday(); renderSoon(); }));
  const results = await Promise.allSettled(requests);
  const broken = results.find((result) => result.status === "rejected");
  if (broken) throw broken.reason;
}

// After the reader chose something else: shows what is here at once, and asks for what is not.
function changed() {
  writeFragment();
  renderSoon();
  loop.refreshedAt = 0;
  if (workspace && !loop.heldUntil) turn();
}

// Asks for yesterday and today only, and puts the answer into the series that is here.
async function pollLive() {
  const where = seriesAddress("dau");
  const known = series.of(where);
  if (known?.failure) return;
  const entry = await series.request(seriesAddress("dau", { length: 2 }));
  const [yesterday, now] = entry.points ?? [];
  const points = known?.points;
  if (!now || !points || where !== seriesAddress("dau")) return;
  if (now.day !== points.at(-1).day) {
    series.forget();
    loop.refreshedAt = 0;
    loop.again = true;
    return;
  }
  loop.livePolls = loop.livePolls.filter((poll) => poll.where === where && poll.at > Date.now() - PACE_MILLISECONDS);
  loop.livePolls.push({ where, at: Date.now(), value: now.dau });
  if (now.dau === points.at(-1).dau && yesterday.dau === points.at(-2).dau) {
    renderTiles();
    return;
  }
  points.splice(-2, 2, yesterday, now);
  if (view.showsEmpty && emptyIsCertain) {
    series.forget();
    loop.refreshedAt = 0;
    loop.again = true;
  }
  renderSoon();
}

function noteToday() {
  for (const metric of TILE_METRICS) {
    const day = series.of(seriesAddress(metric))?.points?.at(-1).day;
    if (day != null) today = Math.max(today ?? day, day);
  }
  if (today !== null) find("ending").max = textOfDay(today);
  const dau = series.of(seriesAddress("dau", { app: "" }))?.points;
  const mau = series.of(seriesAddress("mau", { app: "" }))?.points;
  if (dau && mau) emptyIsCertain = dau.every((point) => point.dau === 0) && mau.every((point) => point.mau === 0);
}

// Entering and leaving

function enter() {
  find("sign-in").hidden = true;
  find("console").hidden = false;
  showStatus("waiting", "Connecting");
  showNotice("");
  renderSoon();
  turn();
}

function leave(message) {
  clearTimeout(loop.timer);
  key.forget();
  series.forget();
  Object.assign(loop, { failures: 0, refreshedAt: 0, heldUntil: 0, livePolls: [], again: false });
  Object.assign(budget, { limit: null, remaining: null, resetSeconds: null });
  workspace = null;
  today = null;
  emptyIsCertain = false;
  for (const plot of Object.values(plots)) plot.show({ points: [], today, label: "" });
  document.title = "Dauphin";
  find("console").hidden = true;
  find("sign-in").hidden = false;
  refuseKey(message);
  const field = find("sign-in-key");
  field.value = "";
  field.focus();
}

function refuseKey(message) {
  find("sign-in-key").setAttribute("aria-invalid", String(Boolean(message)));
  write(find("sign-in-error"), message);
}

async function signIn(event) {
  event.preventDefault();
  const typed = find("sign-in-key").value.trim();
  if (!typed) return refuseKey("Paste a key first.");
  if (!/^[\x21-\x7e]+$/.test(typed)) return refuseKey("A key has no spaces and no accents; something else was pasted.");
  const button = find("sign-in-button");
  button.disabled = true;
  refuseKey("");
  key.value = typed;
  try {
    await ask("/console/workspace");
    key.keep(typed);
    find("sign-in-key").value = "";
    enter();
  } catch (failure) {
    key.forget();
    const reason = { 0: "The server does not answer. Is it running?", 401: "This key was not accepted. Check that all of it was pasted." };
    refuseKey(reason[failure.status] ?? failure.message);
  }
  button.disabled = false;
}

// Putting it on the screen

let renderAsked = false;
function renderSoon() {
  if (renderAsked) return;
  renderAsked = true;
  requestAnimationFrame(() => {
    renderAsked = false;
    if (find("console").hidden) return;
    const isUndecided = !view.app && !["dau", "mau"].every((metric) => series.of(seriesAddress(metric)));
    const isEmpty = emptyIsCertain && view.showsEmpty && !view.ending && !view.app;
    find("empty").hidden = !isEmpty;
    find("charts").hidden = isEmpty;
    find("tiles").hidden = isEmpty;
    if (isEmpty) return renderEmpty();
    renderToolbar();
    if (isUndecided) {
      for (const plot of Object.values(plots)) plot.show({ points: [], today, label: "Loading", word: waitingWord() });
      return;
    }
    renderTiles();
    renderSeries();
    renderGrowth();
    renderApps();
  });
}

function showStatus(state, text) {
  find("status").dataset.state = state;
  write(find("status-text"), text);
}

function showNotice(text) {
  find("notice").hidden = !text;
  write(find("notice"), text);
}

function showBudget() {
  if (budget.limit === null) return;
  write(find("budget"), `${whole(budget.remaining)} of ${whole(budget.limit)} requests left until ${clockFormat.format(new Date(budget.resetSeconds * 1000))}`);
}

function renderPlace() {
  write(find("workspace"), workspace.name);
  find("workspace").title = workspace.name;
  write(find("zone"), workspace.zone);
  find("zone").title = `Days begin at midnight in ${workspace.zone}`;
  if (view.app && !workspace.apps.some((app) => app.app_id === view.app)) {
    view.app = "";
    writeFragment();
  }
  const select = find("app");
  const wanted = ["", ...workspace.apps.map((app) => app.app_id)];
  if (wanted.join("\n") !== [...select.options].map((option) => option.value).join("\n")) {
    select.replaceChildren(element("option", { value: "" }, "All apps"),
      ...workspace.apps.map((app) => element("option", { value: app.app_id }, shortened(app.name || app.app_id))));
  }
  select.value = view.app;
  select.title = view.app ? `app_id: ${view.app}` : "Every person once, whatever the app";
}

const shortened = (text) => (text.length > 60 ? `${text.slice(0, 57)}…` : text);

const waitingWord = () => (loop.heldUntil ? "Waiting for the server" : "Loading");

// The words in place of a series that could not be had.
function failureWords(failure) {
  if (failure.status === 403) return "This key may not read this series, or your address is not on its list.";
  if (failure.status === 404) return "This server does not know this series.";
  return failure.message;
}

// Tiles

const tiles = {};

function makeTiles() {
  const names = { today: ["DAU today", "dau"], yesterday: ["DAU yesterday", "dau"], wau: ["WAU", "wau"], mau: ["MAU", "mau"], stickiness: ["Stickiness", "stickiness"], new: ["New users today", "new"] };
  for (const [id, [name, metric]] of Object.entries(names)) {
    const tile = { metric, value: element("span", { class: "tile-value" }, "—"), note: element("span", { class: "tile-note" }), spark: element("span", { class: "tile-spark" }), shown: null };
    tile.button = element("button", { type: "button", class: "tile waiting", "data-tile": id, onclick: () => choose({ metric }) },
      element("span", { class: "tile-name" }, name), tile.value, tile.note, tile.spark);
    tiles[id] = tile;
    find("tiles").append(tile.button);
  }
}

function renderTiles() {
  const of = (metric) => series.of(seriesAddress(metric));
  const values = (metric) => of(metric)?.points?.map((point) => point[METRICS[metric].field]);
  const change = (list, days, isRatio) => changeText(list.at(-2), list.at(-2 - days), isRatio);

  fillTile("today", of("dau"), () => {
    const dau = values("dau");
    return { value: dau.at(-1), note: [paceText() ?? "so far"], spark: dau.slice(-SPARK_DAYS), hasToday: true };
  });
  fillTile("yesterday", of("dau"), () => {
    const dau = values("dau");
    const day = of("dau").points.at(-2).day;
    return { value: dau.at(-2), note: changeNote(change(dau, 7), `vs ${weekDay(day - 7)}`), spark: dau.slice(-SPARK_DAYS - 1, -1) };
  });
  for (const [id, days, words] of [["wau", 7, "in a week"], ["mau", 30, "in 30 days"]]) {
    fillTile(id, of(id), () => {
      const list = values(id);
      return { value: list.at(-1), note: changeNote(change(list, days), words), spark: list.slice(-SPARK_DAYS), hasToday: true,
        title: `People active in the ${days} days up to now. The change compares yesterday with ${days} days before it.` };
    });
  }
  fillTile("stickiness", of("stickiness"), () => {
    const list = values("stickiness");
    return { value: list.at(-2), format: percent, note: changeNote(change(list, 7, true), "in a week"), spark: list.slice(-SPARK_DAYS - 1, -1),
      title: "Yesterday's DAU ÷ MAU, and how it moved since the same weekday before" };
  });
  fillTile("new", of("new"), () => {
    const list = values("new");
    return { value: list.at(-1), note: [`so far; ${whole(list.at(-2))} yesterday`], spark: list.slice(-SPARK_DAYS), hasToday: true };
  });
}

function fillTile(id, entry, content) {
  const tile = tiles[id];
  tile.button.setAttribute("aria-pressed", String(view.metric === tile.metric && id !== "yesterday"));
  tile.button.classList.toggle("waiting", !entry);
  if (!entry) return;
  if (entry.failure) {
    write(tile.value, "—");
    write(tile.note, entry.failure.status === 403 ? "not allowed for this key" : "not available");
    tile.spark.replaceChildren();
    tile.button.title = failureWords(entry.failure);
    tile.shown = null;
    return;
  }
  const { value, format = whole, note, spark, hasToday, title = "" } = content();
  tile.button.title = title;
  countTo(tile, value, format, `${view.app}\n${format === whole}`);
  const words = note.map((part) => part.textContent ?? part).join("");
  if (tile.note.textContent !== words) tile.note.replaceChildren(...note);
  const drawn = spark.join();
  if (tile.drawn !== drawn) {
    tile.drawn = drawn;
    tile.spark.replaceChildren(sparkline(spark, { hasToday }));
  }
}

function changeNote(change, words) {
  if (!change) return ["nothing to compare with yet"];
  const arrow = change.direction === "up" ? "▲ " : change.direction === "down" ? "▼ " : "";
  return [element("b", { class: change.direction }, arrow + change.text), ` ${words}`];
}

// Counts up to a value, a little later each time, unless the reader wants stillness or another app was chosen.
function countTo(tile, value, format, kind) {
  const from = tile.shown;
  const isSame = tile.kind === kind;
  tile.kind = kind;
  if (tile.goal === value && isSame) return;
  tile.goal = value;
  cancelAnimationFrame(tile.frame);
  const put = (number) => {
    tile.shown = number;
    write(tile.value, format(number));
  };
  if (!isSame || from === null || from === undefined || calm() || tile.metric === "stickiness") return put(value);
  const start = performance.now();
  const step = (now) => {
    const share = Math.min(1, (now - start) / 900);
    put(share === 1 ? value : Math.round(from + (value - from) * (1 - (1 - share) ** 3)));
    if (share < 1) tile.frame = requestAnimationFrame(step);
  };
  tile.frame = requestAnimationFrame(step);
}

function paceText() {
  const where = seriesAddress("dau");
  const polls = loop.livePolls.filter((poll) => poll.where === where);
  if (polls.length < 3) return null;
  const gained = polls.at(-1).value - polls[0].value;
  if (gained <= 0) return null;
  const seconds = Math.round((polls.at(-1).at - polls[0].at) / 1000);
  return `so far, ${signed(gained)} in ${seconds >= 55 ? "a minute" : `${seconds} s`}`;
}

// Toolbar and metric switch

const markers = {};

function renderToolbar() {
  markers.range(view.range);
  markers.metric(view.metric);
  markers.growthWindow(view.growth);
  markers.seriesView(view.seriesTable ? "table" : "chart");
  markers.growthView(view.growthTable ? "table" : "chart");
  markers.scale(view.sameScale ? "same" : "own");
  const ending = find("ending");
  if (document.activeElement !== ending) ending.value = view.ending || (today === null ? "" : textOfDay(today));
  find("ending-today").hidden = !view.ending;
  find("window").hidden = view.metric !== "window";
  find("window-slider").value = view.window;
  if (document.activeElement !== find("window-days")) find("window-days").value = view.window;
  find("series-zero").checked = view.fromZero;
}

function choose(change) {
  Object.assign(view, change);
  changed();
}

// The great chart

const plots = {};

function shownSeries() {
  const metric = METRICS[view.metric];
  const entry = series.of(seriesAddress(view.metric, { ending: view.ending }));
  const all = (entry?.points ?? []).map((point) => ({ ...point, value: point[metric.field] }));
  return { metric, entry, all, points: all.slice(-view.range), address: seriesAddress(view.metric, { length: view.range, ending: view.ending }) };
}

function renderSeries() {
  const { metric, entry, all, points, address: where } = shownSeries();
  const format = metric.isRatio ? percent : whole;
  const byDay = new Map(all.map((point) => [point.day, point.value]));
  write(find("series-title"), metric.title());
  write(find("series-explained"), metric.explained());
  write(find("series-curl"), curlLine(where));
  showFailure("series-error", entry);
  find("series-csv").disabled = !points.length;
  if (keepsOld(plots.series, entry)) return;
  find("series-plot").hidden = (view.seriesTable && points.length > 0) || Boolean(entry?.failure);
  find("series-table").hidden = !view.seriesTable || !points.length;
  renderFacts(points, format);
  plots.series.show({
    points, today, format, isRatio: metric.isRatio, fromZero: view.fromZero, valueAt: (day) => byDay.get(day),
    label: `${metric.title()} by day`, word: waitingWord(),
  });
  if (!view.seriesTable) return;
  const head = ["Day", metric.name === "Any window" ? `${view.window}-day` : metric.name, "vs day before", "vs week before"];
  const cell = (change) => element("td", { class: change?.direction }, change?.text ?? "—");
  fillTable("series-table", head, points, ({ day, value }) => [
    element("td", {}, format(value)),
    cell(day === today ? null : changeText(value, byDay.get(day - 1), metric.isRatio)),
    cell(day === today ? null : changeText(value, byDay.get(day - 7), metric.isRatio)),
  ]);
}

// While a series is on its way, what was shown before stays, faded, instead of an empty place.
function keepsOld(plot, entry) {
  const keeps = !entry && plot.points.length > 0 && !loop.heldUntil;
  plot.host.closest("section").classList.toggle("fading", keeps);
  return keeps;
}

function renderFacts(points, format) {
  const complete = points.filter((point) => point.day !== today);
  const facts = [];
  if (complete.length > 1) {
    const by = (better) => complete.reduce((best, point) => (better(point.value, best.value) ? point : best));
    const highest = by((a, b) => a > b);
    const lowest = by((a, b) => a < b);
    const average = complete.reduce((sum, point) => sum + point.value, 0) / complete.length;
    facts.push(["Average", format(average)], ["Highest", format(highest.value), shortDay(highest.day)], ["Lowest", format(lowest.value), shortDay(lowest.day)]);
  }
  fillFacts("series-facts", facts);
}

function fillFacts(id, facts) {
  if (isUnchanged(find(id), facts)) return;
  find(id).replaceChildren(...facts.map(([name, value, when]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value, when ? element("small", {}, ` ${when}`) : null))));
}

// Whether an element was last filled with the same; refilling it would cost the reader the focus or a selection.
function isUnchanged(node, content) {
  const now = JSON.stringify(content);
  const isSame = node.filledWith === now;
  node.filledWith = now;
  return isSame;
}

function showFailure(id, entry) {
  find(id).hidden = !entry?.failure;
  if (entry?.failure) write(find(id), failureWords(entry.failure));
}

function fillTable(id, head, points, cells) {
  if (isUnchanged(find(id), [head, points])) return;
  const rows = [...points].reverse().map((point) => element("tr", {},
    element("th", { scope: "row" }, fullDay(point.day), point.day === today ? element("span", { class: "tag" }, "so far") : null), cells(point)));
  find(id).replaceChildren(element("table", {},
    element("thead", {}, element("tr", {}, head.map((name) => element("th", { scope: "col" }, name)))), element("tbody", {}, rows)));
}

function csvOf(points, fields) {
  const lines = points.map((point) => [point.time, ...fields.map((field) => point[field])].join(","));
  return `${["time", ...fields].join(",")}\n${lines.join("\n")}\n`;
}

// Growth

const GROWTH_FIELDS = ["active", "new", "resurrected", "retained", "churned"];
const shownGrowth = () => {
  const entry = series.of(growthAddress());
  return { entry, points: (entry?.points ?? []).slice(-view.range) };
};

function renderGrowth() {
  const { entry, points } = shownGrowth();
  const count = view.growth === 1 ? "daily count" : `${view.growth}-day count`;
  write(find("growth-explained"), `Why the ${count} moves: who came, who came back, who left.`);
  write(find("growth-curl"), curlLine(growthAddress(view.range)));
  showFailure("growth-error", entry);
  find("growth-csv").disabled = !points.length;
  if (keepsOld(plots.growth, entry)) return;
  find("growth-plot").hidden = (view.growthTable && points.length > 0) || Boolean(entry?.failure);
  find("growth-table").hidden = !view.growthTable || !points.length;
  plots.growth.show({ points, today, label: "Growth by day", word: waitingWord() });
  const complete = points.filter((point) => point.day !== today);
  const total = (field) => complete.reduce((sum, point) => sum + point[field], 0);
  const [fresh, resurrected, churned] = ["new", "resurrected", "churned"].map(total);
  fillFacts("growth-facts", complete.length ? [
    ["New", signed(fresh)], ["Resurrected", signed(resurrected)], ["Churned", signed(-churned)], ["Net", signed(fresh + resurrected - churned)],
    ...(churned ? [["Came for each who left", decimal((fresh + resurrected) / churned)]] : []),
  ] : []);
  renderLegend();
  if (!view.growthTable) return;
  fillTable("growth-table", ["Day", "Active", "New", "Resurrected", "Retained", "Churned", "Net"], points, (point) =>
    [point.active, point.new, point.resurrected, point.retained, point.churned].map((value) => element("td", {}, whole(value)))
      .concat(element("td", {}, signed(netOf(point)))));
}

function renderLegend() {
  const legend = find("growth-legend");
  if (legend.dataset.window === String(view.growth)) return;
  legend.dataset.window = view.growth;
  const counted = view.growth === 1 ? "active today" : `counted today (active in the last ${view.growth} days)`;
  const rows = [
    ["new", "New", "First activity ever, on this day."],
    ["resurrected", "Resurrected", `Back again: ${counted}, not yesterday, and not new.`],
    ["churned", "Churned", "Counted yesterday, no longer today."],
    ["net", "Net", "New plus resurrected less churned: how far the count moved."],
    ["retained", "Retained", "Counted on both days; too many to draw here, see the tooltip."],
  ];
  legend.replaceChildren(...rows.map(([name, title, words]) => element("div", {},
    element("dt", {}, element("span", { class: `swatch swatch-${name}` }), title), element("dd", {}, words))));
}

// Apps side by side

function renderApps() {
  const section = find("apps");
  section.hidden = !workspace || workspace.apps.length < 2;
  if (section.hidden) return;
  const shown = appsShown().map((app) => {
    const entry = series.of(seriesAddress("mau", { app: app.app_id, ending: view.ending }));
    return { app, entry, points: (entry?.points ?? []).slice(-view.range) };
  });
  const high = Math.max(1, ...shown.flatMap(({ points }) => points.map((point) => point.mau)));
  const grid = find("apps-grid");
  const focused = [...grid.children].indexOf(document.activeElement);
  const isSame = isUnchanged(grid, [shown, view.app, view.sameScale, today]);
  if (!isSame) grid.replaceChildren(...shown.map(({ app, entry, points }) => appPanel(app, entry, points, high)));
  if (!isSame && focused >= 0) grid.children[focused]?.focus({ preventScroll: true });
  const left = workspace.apps.length - shown.length;
  find("apps-more").hidden = left <= 0;
  write(find("apps-more"), `Show ${Math.min(left, APPS_PER_PAGE)} more of ${whole(workspace.apps.length)} apps`);
  write(find("apps-explained"), appsWords(shown));
}

function appPanel(app, entry, points, high) {
  const last = points.at(-1);
  const isChosen = view.app === app.app_id;
  const value = last ? whole(last.mau) : entry?.failure ? "—" : "…";
  return element("button", { type: "button", class: "app-panel", title: `app_id: ${app.app_id}`, "aria-pressed": String(isChosen), onclick: () => choose({ app: isChosen ? "" : app.app_id }) },
    element("span", { class: "app-top" }, element("span", { class: "app-name clip" }, app.name || app.app_id), element("span", { class: "app-value" }, value)),
    sparkline(points.map((point) => point.mau), { hasToday: last?.day === today, hasArea: true, low: 0, high: view.sameScale ? high : undefined }),
    points.length ? element("span", { class: "app-days" }, element("span", {}, shortDay(points[0].day)), element("span", {}, last.day === today ? "today so far" : shortDay(last.day))) : null);
}

function appsWords(shown) {
  const rule = "A person active in several apps counts once in each of them, and once in all apps together: apps do not add up.";
  const all = series.of(seriesAddress("mau", { app: "", ending: view.ending }))?.points?.at(-1);
  if (!all || shown.length < workspace.apps.length || shown.some(({ points }) => !points.length)) return rule;
  const sum = shown.reduce((total, { points }) => total + points.at(-1).mau, 0);
  if (sum > all.mau) return `${rule} Here the apps sum to ${whole(sum)}; all apps count ${whole(all.mau)}.`;
  if (sum < all.mau) return `${rule} Here the apps sum to ${whole(sum)}, all apps count ${whole(all.mau)}: some activity names no app.`;
  return `${rule} Here nobody used two apps in the 30 days.`;
}

// A workspace without anybody

function renderEmpty() {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const app = workspace?.apps[0]?.app_id;
  const row = JSON.stringify({ user_id: "ada", ...(app ? { app_id: app } : {}) });
  write(find("empty-import"), `dauphin import --url ${location.origin} --key "$KEY" \\\n  --create-apps activity.csv`);
  write(find("empty-curl"), `curl ${location.origin}/ingest \\\n  -H "Authorization: Bearer $KEY" \\\n  -H "Content-Type: application/x-ndjson" \\\n  --data-binary ${quoted(row)}`);
}

// Start

function wire() {
  const views = [["chart", "Chart"], ["table", "Table"]];
  markers.range = segments(find("range"), "Days", RANGES.map((days) => [days, `${days} days`]), (range) => choose({ range }));
  markers.metric = segments(find("metric"), "Metric", Object.entries(METRICS).map(([id, metric]) => [id, metric.name]), (metric) => choose({ metric }));
  markers.growthWindow = segments(find("growth-window"), "Window of growth", GROWTH_WINDOWS, (growth) => choose({ growth }));
  markers.seriesView = segments(find("series-view"), "View", views, (chosen) => { view.seriesTable = chosen === "table"; renderSoon(); });
  markers.growthView = segments(find("growth-view"), "View of growth", views, (chosen) => { view.growthTable = chosen === "table"; renderSoon(); });
  markers.scale = segments(find("apps-scale"), "Scale", [["same", "Same scale"], ["own", "Own scales"]], (chosen) => { view.sameScale = chosen === "same"; renderSoon(); });
  plots.series = new Plot(find("series-plot"), linePainter);
  plots.growth = new Plot(find("growth-plot"), growthPainter);
  makeTiles();

  find("sign-in-form").addEventListener("submit", signIn);
  find("leave").addEventListener("click", () => leave(""));
  find("theme").addEventListener("click", chooseTheme);
  find("skip").addEventListener("click", (event) => { event.preventDefault(); find("charts").focus(); });
  find("app").addEventListener("change", (event) => choose({ app: event.target.value }));
  find("empty-anyway").addEventListener("click", () => { view.showsEmpty = false; changed(); });
  find("ending").addEventListener("change", ({ target }) => {
    if (!target.value || !target.checkValidity()) return;
    choose({ ending: today !== null && dayOfText(target.value) >= today ? "" : target.value });
  });
  find("ending").addEventListener("blur", renderSoon);
  find("ending-today").addEventListener("click", () => choose({ ending: "" }));
  let sliding = 0;
  find("window-slider").addEventListener("input", ({ target }) => {
    view.window = Number(target.value);
    renderSoon();
    clearTimeout(sliding);
    sliding = setTimeout(changed, SLIDING_MILLISECONDS);
  });
  find("window-days").addEventListener("change", ({ target }) => { if (isWindow(target.value)) choose({ window: Number(target.value) }); });
  find("window-days").addEventListener("blur", renderSoon);
  find("series-zero").addEventListener("change", ({ target }) => { view.fromZero = target.checked; renderSoon(); });
  find("apps-more").addEventListener("click", () => choose({ appsShown: view.appsShown + APPS_PER_PAGE }));
  copyButton(find("series-csv"), "Copy as CSV", () => csvOf(shownSeries().points, shownFields()));
  copyButton(find("growth-csv"), "Copy as CSV", () => csvOf(shownGrowth().points, GROWTH_FIELDS));
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.setAttribute("aria-label", "Copy the command with your key");
    button.title = "The copy holds your real key in place of $KEY";
    copyButton(button, "Copy", () => find(button.dataset.copy).textContent.replace("$KEY", shellWord(key.value)));
  }
  new IntersectionObserver((entries) => {
    const isNear = entries.at(-1).isIntersecting;
    if (isNear === appsAreNear) return;
    appsAreNear = isNear;
    if (isNear && workspace) changed();
  }, { rootMargin: "400px" }).observe(find("apps"));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(loop.timer);
      showStatus("waiting", "Paused");
    } else if (key.value && Date.now() >= loop.heldUntil) turn();
    else if (key.value) loop.timer = setTimeout(turn, loop.heldUntil - Date.now());
  });
  window.addEventListener("online", () => { if (key.value && loop.heldUntil) turn(); });
  window.addEventListener("hashchange", () => {
    const hasKey = readFragment();
    if (hasKey) {
      series.forget();
      workspace = null;
      loop.refreshedAt = 0;
      enter();
    } else changed();
  });
}

// All the columns the server gives for the shown metric.
function shownFields() {
  return view.metric === "stickiness" ? ["dau", "active", "stickiness"] : [METRICS[view.metric].field];
}

// A key inside double quotes of a shell line.
const shellWord = (text) => text.replace(/["\\$`]/g, "\\$&");

rememberedTheme();
key.read();
readFragment();
wire();
if (key.value) enter();
else leave("");
