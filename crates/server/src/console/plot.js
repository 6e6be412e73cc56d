// Pictures of series: axes, crosshair, tooltip, keyboard; and what is painted on them.

// Round values inside `[low, high]`, about `count` of them.
function ticks(low, high, count, least) {
  const span = high - low || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(least, [1, 2, 2.5, 5, 10].find((factor) => factor * power >= 0.75 * rough) * power);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(1, last - first + 1) }, (_, index) => (first + index) * step);
}

const DAY_STEPS = [1, 2, 7, 14, 28];
const DAY_LABEL_WIDTH = 58;

// One plot. `painter` gives `bounds(plot)`, `paint(plot)`, `cursor(plot, index)`, `tooltip(plot, index)` and
// `spoken(plot, index)`; this gives it the place, the scales and the reader's attention.
class Plot {
  constructor(host, painter) {
    this.host = host;
    this.painter = painter;
    this.points = [];
    this.chosen = null;
    this.picture = shape("svg", { "aria-hidden": "true" });
    this.tip = element("div", { class: "tooltip", hidden: true });
    this.word = element("div", { class: "plot-word", hidden: true });
    host.append(this.picture, this.tip, this.word);
    host.tabIndex = 0;
    host.setAttribute("role", "slider");
    host.setAttribute("aria-orientation", "horizontal");
    host.addEventListener("pointermove", (event) => this.choose(this.indexAt(event)));
    host.addEventListener("pointerdown", (event) => this.choose(this.indexAt(event)));
    host.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") this.choose(null); });
    host.addEventListener("blur", () => this.choose(null));
    host.addEventListener("focus", () => { if (host.matches(":focus-visible")) this.choose(this.chosen ?? this.points.length - 1); });
    host.addEventListener("keydown", (event) => this.pressed(event));
    document.addEventListener("pointerdown", (event) => { if (!host.contains(event.target)) this.choose(null); });
    new ResizeObserver(() => this.draw()).observe(host);
  }

  // Shows points, oldest first; `word` is said in their place when there are none.
  show({ points, today, label, word = "", ...options }) {
    const chosenDay = this.points[this.chosen]?.day;
    this.points = points;
    this.options = options;
    this.todayIndex = points.length && points.at(-1).day === today ? points.length - 1 : -1;
    const still = points.findIndex((point) => point.day === chosenDay);
    this.chosen = still < 0 ? null : still;
    this.host.setAttribute("aria-label", label);
    this.word.hidden = points.length > 0 || !word;
    write(this.word, word);
    this.draw();
  }

  isToday(index) {
    return index === this.todayIndex;
  }

  draw() {
    const { width, height } = this.host.getBoundingClientRect();
    this.picture.replaceChildren();
    if (!this.points.length || width < 40) {
      this.tip.hidden = true;
      return;
    }
    const { low, high, least, format } = this.painter.bounds(this);
    const marks = ticks(low, high, height < 280 ? 4 : 5, least);
    const labels = marks.map(format);
    const longest = Math.max(...labels.map((label) => label.length));
    this.left = Math.ceil(longest * 7.2) + 12;
    this.right = width - 10;
    this.top = 10;
    this.bottom = height - 28;
    this.low = low;
    this.high = high;
    this.picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    marks.forEach((mark, index) => {
      const y = Math.round(this.y(mark)) + 0.5;
      this.picture.append(
        shape("line", { class: mark === 0 ? "zero-line" : "grid-line", x1: this.left, x2: this.right, y1: y, y2: y }),
        shape("text", { x: this.left - 10, y: y + 4, "text-anchor": "end" }, labels[index]));
    });
    this.drawDays();
    this.painter.paint(this);
    this.overlay = shape("g");
    this.picture.append(this.overlay);
    this.host.setAttribute("aria-valuemin", "1");
    this.host.setAttribute("aria-valuemax", String(this.points.length));
    this.drawChosen();
  }

  drawDays() {
    const last = this.points.length - 1;
    const room = (this.right - this.left) / this.points.length;
    const step = DAY_STEPS.find((days) => days * room >= DAY_LABEL_WIDTH) ?? 56;
    for (let index = last; index >= 0; index -= step) {
      const x = this.x(index);
      const anchor = x > this.right - 26 ? "end" : x < this.left + 22 ? "start" : "middle";
      const at = anchor === "end" ? this.right + 6 : anchor === "start" ? this.left - 4 : x;
      const text = this.isToday(index) ? "today" : shortDay(this.points[index].day);
      this.picture.append(shape("text", { x: at, y: this.bottom + 21, "text-anchor": anchor }, text));
    }
  }

  x(index) {
    const bands = this.painter.inBands;
    const count = bands ? this.points.length : Math.max(1, this.points.length - 1);
    return this.left + ((index + (bands ? 0.5 : 0)) * (this.right - this.left)) / count;
  }

  y(value) {
    return this.bottom - ((value - this.low) * (this.bottom - this.top)) / (this.high - this.low || 1);
  }

  indexAt(event) {
    const x = event.clientX - this.host.getBoundingClientRect().left;
    const share = (x - this.left) / (this.right - this.left);
    const count = this.points.length;
    const index = this.painter.inBands ? Math.floor(share * count) : Math.round(share * (count - 1));
    return count ? Math.max(0, Math.min(count - 1, index)) : null;
  }

  choose(index) {
    if (index === this.chosen) return;
    this.chosen = index;
    this.drawChosen();
  }

  pressed(event) {
    const last = this.points.length - 1;
    const from = this.chosen ?? last;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -7, PageUp: 7, Home: -last, End: last };
    if (event.key === "Escape") this.choose(null);
    else if (event.key in steps && last >= 0) this.choose(Math.max(0, Math.min(last, from + steps[event.key])));
    else return;
    event.preventDefault();
  }

  drawChosen() {
    if (!this.overlay) return;
    this.overlay.replaceChildren();
    const index = this.chosen;
    this.tip.hidden = index === null || !this.points.length;
    const spoken = index ?? this.points.length - 1;
    if (this.points.length) {
      this.host.setAttribute("aria-valuenow", String(spoken + 1));
      this.host.setAttribute("aria-valuetext", this.painter.spoken(this, spoken));
    }
    if (this.tip.hidden) return;
    this.overlay.append(...this.painter.cursor(this, index));
    const day = this.points[index].day;
    this.tip.replaceChildren(
      element("div", { class: "tooltip-day" }, fullDay(day) + (this.isToday(index) ? " · today so far" : "")),
      ...this.painter.tooltip(this, index));
    const { width } = this.host.getBoundingClientRect();
    const box = this.tip.getBoundingClientRect();
    const x = this.x(index);
    const beside = x + 16 + box.width <= width ? x + 16 : x - 16 - box.width;
    const left = Math.max(0, Math.min(width - box.width, beside));
    this.tip.style.transform = `translate(${Math.round(left)}px, ${this.top}px)`;
  }
}

const path = (places) => places.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

// A line over time; today's part, which is still growing, is dashed and ends hollow.
const linePainter = {
  inBands: false,

  bounds({ points, options }) {
    const values = points.map((point) => point.value);
    const high = Math.max(...values);
    const low = options.fromZero ? 0 : Math.min(...values);
    const padding = (high - low) * 0.06;
    const least = options.isRatio ? 0.001 : 1;
    return { low: options.fromZero ? 0 : Math.max(0, low - padding), high: Math.max(high + padding, low + least), least, format: options.isRatio ? axisPercent : compact };
  },

  paint(plot) {
    const places = plot.points.map((point, index) => [plot.x(index), plot.y(point.value)]);
    const complete = plot.todayIndex < 0 ? places : places.slice(0, -1);
    const base = plot.y(Math.max(0, plot.low));
    if (plot.options.fromZero && complete.length > 1) {
      const stop = (offset, name) => shape("stop", { offset, class: name });
      plot.picture.append(
        shape("defs", {}, shape("linearGradient", { id: "area-fade", x1: 0, x2: 0, y1: 0, y2: 1 }, stop("0", "area-top"), stop("1", "area-bottom"))),
        shape("path", { class: "area", d: `${path(complete)}L${complete.at(-1)[0].toFixed(1)} ${base}L${complete[0][0].toFixed(1)} ${base}Z` }));
    }
    if (plot.todayIndex > 0) plot.picture.append(shape("path", { class: "series-line partial", d: path(places.slice(-2)) }));
    plot.picture.append(shape("path", { class: "series-line", d: path(complete) }));
    if (complete.length === 1) plot.picture.append(shape("circle", { class: "cursor-dot", cx: complete[0][0], cy: complete[0][1], r: 5 }));
    if (plot.todayIndex < 0) return;
    const [x, y] = places.at(-1);
    const before = places.at(-2)?.[1] ?? y;
    const below = y - before > 22 ? y + 4 : y + 24;
    const labelY = below > plot.bottom - 6 ? y - 14 : below;
    plot.picture.append(
      shape("circle", { class: "today-dot", cx: x, cy: y, r: 4.5 }),
      shape("text", { class: "today-label", x: x - (labelY === y + 4 ? 11 : -6), y: labelY, "text-anchor": "end" }, "today so far"));
  },

  cursor(plot, index) {
    const x = plot.x(index);
    const place = { cx: x, cy: plot.y(plot.points[index].value), r: 5.5 };
    return [
      shape("line", { class: "crosshair", x1: x, x2: x, y1: plot.top, y2: plot.bottom }),
      shape("circle", { class: plot.isToday(index) ? "today-dot" : "cursor-dot", ...place }),
    ];
  },

  tooltip(plot, index) {
    const { value, day } = plot.points[index];
    const rows = [];
    for (const [days, words] of [[1, "day before"], [7, "week before"]]) {
      const text = changeText(value, plot.options.valueAt(day - days), plot.options.isRatio);
      if (text && !plot.isToday(index)) rows.push(element("dt", {}, `vs ${words}`), element("dd", { class: text.direction }, text.text));
    }
    return [element("div", { class: "tooltip-value" }, plot.options.format(value)), rows.length ? element("dl", {}, rows) : null].filter(Boolean);
  },

  spoken(plot, index) {
    const { value, day } = plot.points[index];
    return `${spokenDay(day)}: ${plot.options.format(value)}${plot.isToday(index) ? ", today so far" : ""}`;
  },
};

// How a value moved since an earlier one; nothing where there is nothing to compare with.
function changeText(value, earlier, isRatio) {
  if (earlier == null || (earlier === 0 && !isRatio)) return null;
  const change = isRatio ? (value - earlier) * 100 : value / earlier - 1;
  const text = isRatio ? `${signedPoints(change)} points` : signedPercent(change);
  const rounded = Math.round(change * (isRatio ? 10 : 1000));
  return { text, direction: rounded > 0 ? "up" : rounded < 0 ? "down" : "" };
}

const netOf = (point) => point.new + point.resurrected - point.churned;

// Who came, who came back and who went, and what is left of it.
const growthPainter = {
  inBands: true,

  bounds({ points }) {
    const high = Math.max(1, ...points.map((point) => point.new + point.resurrected));
    const low = Math.min(0, ...points.map((point) => Math.min(-point.churned, netOf(point))));
    const padding = (high - low) * 0.04;
    return { low: low - padding, high: high + padding, least: 1, format: compact };
  },

  paint(plot) {
    const room = (plot.right - plot.left) / plot.points.length;
    const wide = Math.min(28, Math.max(1, room - (room > 12 ? 4 : room > 5 ? 2 : 0.75)));
    const zero = plot.y(0);
    plot.points.forEach((point, index) => {
      const left = plot.x(index) - wide / 2;
      const middle = plot.y(point.new);
      const top = plot.y(point.new + point.resurrected);
      const seam = zero - middle > 3 && middle - top > 3 && room > 5 ? 1 : 0;
      const bars = shape("g", { class: plot.isToday(index) ? "bars-today" : null },
        bar("bar-new", left, middle, wide, zero - middle),
        bar("bar-resurrected", left, top, wide, middle - top - seam),
        bar("bar-churned", left, zero + 1, wide, plot.y(-point.churned) - zero - 1));
      plot.picture.append(bars);
      if (plot.isToday(index)) {
        const deep = plot.y(-point.churned);
        plot.picture.append(shape("rect", { class: "today-frame", x: left - 1.5, y: top - 1.5, width: wide + 3, height: Math.max(0, deep - top + 3), rx: 3 }));
      }
    });
    const places = plot.points.map((point, index) => [plot.x(index), plot.y(netOf(point))]);
    const complete = plot.todayIndex < 0 ? places : places.slice(0, -1);
    plot.picture.append(shape("path", { class: "net-edge", d: path(complete) }), shape("path", { class: "net-line", d: path(complete) }));
    if (plot.todayIndex > 0) plot.picture.append(shape("path", { class: "net-line partial", d: path(places.slice(-2)) }));
    if (plot.todayIndex >= 0) plot.picture.append(shape("circle", { class: "net-dot", cx: places.at(-1)[0], cy: places.at(-1)[1], r: 3.5 }));
  },

  cursor(plot, index) {
    const room = (plot.right - plot.left) / plot.points.length;
    const x = plot.x(index);
    return [
      shape("rect", { class: "band", x: x - room / 2, y: plot.top, width: room, height: plot.bottom - plot.top }),
      shape("circle", { class: "net-dot", cx: x, cy: plot.y(netOf(plot.points[index])), r: 4 }),
    ];
  },

  tooltip(plot, index) {
    const point = plot.points[index];
    const row = (name, words, value, extra) => [
      element("dt", { class: extra }, element("span", { class: `swatch swatch-${name}` }), words),
      element("dd", { class: extra }, value),
    ];
    return [element("dl", {},
      row("new", "New", signed(point.new)),
      row("resurrected", "Resurrected", signed(point.resurrected)),
      row("churned", "Churned", signed(-point.churned)),
      row("net", "Net", signed(netOf(point)), "sum"),
      row("retained", "Retained", whole(point.retained), "sum"))];
  },

  spoken(plot, index) {
    const point = plot.points[index];
    return `${spokenDay(point.day)}: ${whole(point.new)} new, ${whole(point.resurrected)} resurrected, ${whole(point.churned)} churned, net ${signed(netOf(point))}${plot.isToday(index) ? ", today so far" : ""}`;
  },
};

function bar(name, x, y, width, height) {
  return shape("rect", { class: name, x, y, width, height: Math.max(0, height), rx: width > 6 ? 2 : 0 });
}

// A small line without axes. `low` and `high` may be given, so that neighbours share a scale.
function sparkline(values, { hasToday, low, high, hasArea } = {}) {
  const picture = shape("svg", { class: "spark", viewBox: "0 0 100 100", preserveAspectRatio: "none", "aria-hidden": "true" });
  if (values.length < 2) return picture;
  const bottom = low ?? Math.min(...values);
  const span = (high ?? Math.max(...values)) - bottom || 1;
  const places = values.map((value, index) => [(index * 97) / (values.length - 1), 97 - ((value - bottom) * 94) / span]);
  const complete = hasToday ? places.slice(0, -1) : places;
  if (hasArea) {
    picture.append(
      shape("path", { class: "spark-area", d: `${path(complete)}L${complete.at(-1)[0]} 97L0 97Z` }),
      shape("path", { class: "spark-base", d: "M0 97H97" }));
  }
  picture.append(shape("path", { class: "spark-line", d: path(complete) }));
  const dot = `${path([places.at(-1)])}h0.001`;
  if (hasToday) picture.append(shape("path", { class: "spark-today", d: path(places.slice(-2)) }));
  picture.append(shape("path", { class: "spark-dot", d: dot }));
  if (hasToday) picture.append(shape("path", { class: "spark-hole", d: dot }));
  return picture;
}
