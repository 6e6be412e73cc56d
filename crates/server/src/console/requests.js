// The key, and what is asked of the server with it.

const KEY_PLACE = "dauphin-key";
const REQUEST_MILLISECONDS_MAX = 20_000;

// The key lives in this tab only: never in an address, never in storage that outlives the tab.
const key = {
  value: "",
  read() {
    try { this.value = sessionStorage.getItem(KEY_PLACE) ?? this.value; } catch { /* Storage is closed; the page's memory will do. */ }
    return this.value;
  },
  keep(value) {
    this.value = value;
    try { sessionStorage.setItem(KEY_PLACE, value); } catch { /* As above. */ }
  },
  forget() {
    this.value = "";
    try { sessionStorage.removeItem(KEY_PLACE); } catch { /* As above. */ }
  },
};

// The key was changed while a request was under way: its answer is nobody's.
const STALE = -1;

// A request that brought no data. `status` is 0 when no answer came.
class Failure extends Error {
  constructor(status, message, retrySeconds) {
    super(message);
    this.status = status;
    this.retrySeconds = retrySeconds;
  }

  // The fault lies with this one question; asking others makes sense, asking it again at once does not.
  get isAboutTheQuestion() {
    return this.status >= 400 && this.status < 500 && this.status !== 401 && this.status !== 429;
  }
}

// Where the workspace's hour stands, as the last answer said.
const budget = { limit: null, remaining: null, resetSeconds: null };

function noteBudget(headers) {
  const read = (name) => (headers.has(name) ? Number(headers.get(name)) : null);
  const limit = read("X-RateLimit-Limit");
  if (limit === null) return;
  Object.assign(budget, { limit, remaining: read("X-RateLimit-Remaining"), resetSeconds: read("X-RateLimit-Reset") });
}

// Encodes what `encodeURIComponent` leaves alone too, so that an address is safe inside shell quotes of both kinds.
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);

// The address of a question, without its origin. Parameters without a value are left out.
function address(path, parameters = {}) {
  const query = Object.entries(parameters).filter(([, value]) => value !== "" && value != null);
  return path + (query.length ? `?${query.map(([name, value]) => `${name}=${encode(String(value))}`).join("&")}` : "");
}

// Asks, and returns the answer's JSON; throws a `Failure` otherwise.
async function ask(where) {
  const asked = key.value;
  let response;
  let body = null;
  try {
    response = await fetch(where, {
      headers: { Authorization: `Bearer ${asked}`, Accept: "application/json" },
      signal: AbortSignal.timeout(REQUEST_MILLISECONDS_MAX),
      cache: "no-store",
      credentials: "omit",
    });
    body = await response.json().catch(() => null);
  } catch {
    throw new Failure(0, "The server does not answer");
  }
  if (asked !== key.value) throw new Failure(STALE, "The key was changed meanwhile");
  noteBudget(response.headers);
  if (response.ok && body !== null) return body;
  const after = Number(response.headers.get("Retry-After"));
  throw new Failure(response.status || 0, body?.message ?? `The server answered ${response.status}`, after > 0 ? after : undefined);
}

// How long a series is asked for: every shorter range is its end, so changing the range costs no request.
const SERIES_LENGTH = 100;
const STALE_MILLISECONDS = 30_000;
const SERIES_KEPT_MAX = 200;

// Series already answered, by address: `{points, failure, at}`.
const series = {
  kept: new Map(),
  pending: new Map(),

  of(where) {
    return this.kept.get(where);
  },

  // Brings a series unless a fresh one is here. A failure about the question alone is kept as the answer.
  async bring(where, { evenIfFresh } = {}) {
    const known = this.kept.get(where);
    if (!evenIfFresh && known && Date.now() - known.at < STALE_MILLISECONDS) return known;
    if (!this.pending.has(where)) {
      const request = this.request(where).finally(() => this.pending.delete(where));
      this.pending.set(where, request);
    }
    return this.pending.get(where);
  },

  async request(where) {
    let entry;
    try {
      const answer = await ask(where);
      entry = { points: answer.data.map((point) => ({ ...point, day: dayOfText(point.time) })), at: Date.now() };
    } catch (failure) {
      if (!(failure instanceof Failure) || !failure.isAboutTheQuestion) throw failure;
      entry = { failure, points: null, at: Date.now() };
    }
    this.kept.delete(where);
    this.kept.set(where, entry);
    if (this.kept.size > SERIES_KEPT_MAX) this.kept.delete(this.kept.keys().next().value);
    return entry;
  },

  forget() {
    this.kept.clear();
    this.pending.clear();
  },
};

// A line for the shell that asks the same. `$KEY` stands for the key unless the real one is asked for.
function curlLine(where, shownKey = "$KEY") {
  return `curl -H "Authorization: Bearer ${shownKey}" "${location.origin}${where}"`;
}
