/* The signal of a recording: only the stretch that is looked at, asked for when it is. */
"use strict";

const DEBOUNCE_MS = 40;
const LEAST_S = 0.05;
const MAP_POINTS = 800;
const CAP_PX = 4;
const KINDS = ["good", "short", "weak", "both"];

/* Colours as the style sheet has them now: a canvas knows no variables. */
function colours(tone) {
  const style = getComputedStyle(document.querySelector(".ob-emg"));
  const probe = document.createElement("canvas").getContext("2d");
  const read = (name) => {
    probe.fillStyle = "#888";
    probe.fillStyle = style.getPropertyValue(name).trim();
    return probe.fillStyle;
  };
  const found = { tone: read(`--ob-${tone === "other" ? "info-solid" : tone}`) };
  for (const name of ["raw", "grid", "soft", "strong", "card", "info-solid"]) found[name] = read(`--ob-${name}`);
  for (const kind of KINDS) found[kind] = read(`--ob-c-${kind}`);
  return found;
}

function faded(colour, alpha) {
  const hex = Math.round(alpha * 255).toString(16).padStart(2, "0");
  return colour.startsWith("#") ? colour + hex : colour.replace("rgb(", "rgba(").replace(")", `, ${alpha})`);
}

/* The next round number above. */
function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map((nice) => nice * power).find((nice) => nice >= value * 0.999);
}

function seconds(value, span) {
  return value.toFixed(span < 1 ? 3 : span < 20 ? 2 : 1);
}

class Signal {
  constructor(root) {
    this.root = root;
    this.card = root.closest("section");
    this.told = JSON.parse(document.getElementById(root.dataset.emg).textContent);
    this.plot = root.querySelector(".ob-plot");
    this.map = root.querySelector(".ob-map");
    this.shows = { raw: true, envelope: true };
    this.from = 0;
    this.to = this.told.length_s;
    this.maps = new Map();
    this.choose(0);
    this.listen();
    this.fetch();
    this.fetchMap();
  }

  get span() { return this.to - this.from; }

  choose(number) {
    this.channel = this.told.channels[number];
    this.data = null;
    this.top = 0;
    this.colours = colours(this.channel.tone);
    for (const button of this.card.querySelectorAll("[data-channel]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.channel) === number));
    }
  }

  /* --- asking --------------------------------------------------------------- */

  url(channel, from, to, points) {
    const query = new URLSearchParams({ start: from.toFixed(4), end: to.toFixed(4), points });
    return `${this.told.signals}${encodeURIComponent(channel.name)}?${query}`;
  }

  async ask(url, options = {}) {
    const answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" }, ...options });
    if (answer.ok) return answer.json();
    if (answer.status === 401 || answer.status === 403) throw new Error("You are signed out, or may not see this signal. Load the page again.");
    const said = await answer.json().catch(() => null);
    throw new Error(said?.errors?.[0]?.detail ?? `The server answered ${answer.status}.`);
  }

  fetchSoon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fetch(), DEBOUNCE_MS);
  }

  async fetch() {
    this.asked?.abort();
    const asked = this.asked = new AbortController();
    const channel = this.channel;
    const points = Math.max(200, Math.min(2000, Math.round((this.plot.clientWidth || this.root.clientWidth || 800) * 1.6)));
    try {
      const data = await this.ask(this.url(channel, this.from, this.to, points), { signal: asked.signal });
      if (asked !== this.asked) return;
      this.data = data;
      this.trouble("");
      this.draw();
    } catch (error) {
      if (error.name !== "AbortError") this.trouble(error.message);
    }
  }

  async fetchMap() {
    const channel = this.channel;
    if (!this.maps.has(channel.name)) {
      try {
        this.maps.set(channel.name, await this.ask(this.url(channel, 0, this.told.length_s, MAP_POINTS)));
      } catch {
        return; // the plot itself says what is wrong
      }
    }
    if (channel === this.channel) this.drawMap();
  }

  trouble(words) {
    const place = this.card.querySelector("[data-trouble]");
    place.hidden = !words;
    place.querySelector("span:last-child").textContent = words ? `The signal cannot be shown: ${words}` : "";
  }

  /* --- drawing -------------------------------------------------------------- */

  draw() {
    if (this.plot.hidden) {
      this.root.querySelector(".ob-first").hidden = true;
      this.plot.hidden = this.map.hidden = false;
      this.drawMap();
    }
    const sets = this.sets();
    this.top = this.highest();
    if (!this.chart) this.chart = new Chart(this.plot.querySelector("canvas"), this.settings());
    this.chart.data.datasets = sets;
    this.scales(this.chart.options.scales);
    this.chart.update("none");
    this.read();
  }

  points(values) {
    const { start, step } = this.data.t;
    const { factor } = this.channel;
    return values.map((value, at) => ({ x: start + at * step, y: value === null ? NaN : value * factor }));
  }

  get decimated() { return this.data.bucket_s > 1.5 / this.data.sampling_rate; }

  sets() {
    const plain = { pointRadius: 0, borderJoinStyle: "round", parsing: false, spanGaps: false, normalized: true };
    const raw = { ...plain, borderColor: faded(this.colours.raw, this.decimated ? 0.75 : 1), borderWidth: this.decimated ? 0.7 : 1.1, hidden: !this.shows.raw };
    const sets = [{ ...raw, data: this.points(this.data.max) }];
    if (this.decimated) {
      // Between the smallest and the largest there is signal; single samples have nothing between.
      sets.push({ ...raw, data: this.points(this.data.min), fill: 0, backgroundColor: faded(this.colours.raw, 0.4) });
    }
    if (this.data.envelope?.length) {
      sets.push({ ...plain, data: this.points(this.data.envelope), borderColor: this.colours.tone, borderWidth: 1.8, hidden: !this.shows.envelope });
    }
    return sets;
  }

  highest() {
    const { factor, mvc } = this.channel;
    let most = this.shows.raw ? 0 : (mvc ?? 0) * 1.1;
    const lists = this.shows.raw ? [this.data.min, this.data.max] : [this.data.envelope ?? []];
    for (const list of lists) for (const value of list) most = Math.max(most, Math.abs(value ?? 0));
    return ceiling(most * factor * 1.02);
  }

  settings() {
    const own = { id: "emg", beforeDatasetsDraw: (chart) => this.under(chart), afterDatasetsDraw: (chart) => this.over(chart) };
    return {
      type: "line",
      data: { datasets: [] },
      plugins: [own],
      options: {
        animation: false, parsing: false, events: [], responsive: true, maintainAspectRatio: false,
        layout: { padding: { top: 18, right: 4 } },
        plugins: { legend: { display: false }, tooltip: { enabled: false } },
        scales: { x: { type: "linear" }, y: { type: "linear" } },
      },
    };
  }

  scales(scales) {
    const { grid, soft } = this.colours;
    const font = { family: "Inter, sans-serif", size: 11 };
    Object.assign(scales.x, {
      min: this.from, max: this.to, grid: { color: grid }, border: { color: grid },
      ticks: { color: soft, font, maxRotation: 0, autoSkipPadding: 24, callback: (value) => `${+value.toFixed(3)} s` },
    });
    Object.assign(scales.y, {
      min: this.shows.raw ? -this.top : 0, max: this.top, grid: { color: grid }, border: { color: grid },
      title: { display: true, text: this.channel.unit, color: soft, font },
      ticks: { color: soft, font, maxTicksLimit: 7 },
    });
  }

  visible() {
    return this.channel.contractions
      .map(([from, to, kind, mark], at) => ({ from, to, kind, mark, number: at + 1 }))
      .filter((one) => one.to > this.from && one.from < this.to);
  }

  under(chart) {
    const { ctx, chartArea: area, scales: { x } } = chart;
    ctx.save();
    ctx.font = "600 11px Inter, sans-serif";
    ctx.textAlign = "center";
    let taken = -Infinity;
    for (const one of this.visible()) {
      const left = Math.max(x.getPixelForValue(one.from), area.left);
      const width = Math.max(Math.min(x.getPixelForValue(one.to), area.right) - left, 1.5);
      ctx.fillStyle = faded(this.colours[one.kind], 0.14);
      ctx.fillRect(left, area.top, width, area.height);
      ctx.fillStyle = this.colours[one.kind];
      ctx.fillRect(left, area.top - CAP_PX, width, CAP_PX);
      const words = width > 34 ? `${one.number} ${one.mark}` : String(one.number);
      const middle = left + width / 2, half = ctx.measureText(words).width / 2;
      if (middle - half > taken + 4) {
        ctx.fillText(words, middle, area.top - CAP_PX - 4);
        taken = middle + half;
      }
    }
    ctx.restore();
  }

  over(chart) {
    const { ctx, chartArea: area, scales: { x, y } } = chart;
    const { factor, unit, mvc, threshold } = this.channel;
    ctx.save();
    ctx.font = "600 11px Inter, sans-serif";
    ctx.textAlign = "right";
    const lines = [["MVC", mvc, []], ["threshold", threshold, [5, 4]]].filter(([, value]) => value && value * factor <= this.top);
    let above = -Infinity;
    for (const [name, value, dash] of lines) {
      const at = y.getPixelForValue(value * factor);
      ctx.strokeStyle = this.colours.strong;
      ctx.lineWidth = 1.2;
      ctx.setLineDash(dash);
      ctx.beginPath();
      ctx.moveTo(area.left, at);
      ctx.lineTo(area.right, at);
      ctx.stroke();
      // A label that would lie on the one above goes below its line.
      const base = at - above < 15 ? at + 13 : at - 4;
      const words = `${name} ${Number((value * factor).toPrecision(3))} ${unit}`;
      ctx.fillStyle = faded(this.colours.card, 0.8);
      const wide = ctx.measureText(words).width;
      ctx.fillRect(area.right - wide - 7, base - 10, wide + 5, 13);
      ctx.fillStyle = this.colours.strong;
      ctx.fillText(words, area.right - 4, base);
      above = at;
    }
    ctx.setLineDash([]);
    if (this.dragged) {
      const [from, to] = this.dragged.map((value) => x.getPixelForValue(value)).sort((a, b) => a - b);
      ctx.fillStyle = faded(this.colours.tone, 0.18);
      ctx.fillRect(from, area.top, to - from, area.height);
    }
    if (this.pointed !== undefined && this.pointed >= this.from && this.pointed <= this.to) {
      const at = x.getPixelForValue(this.pointed);
      ctx.strokeStyle = faded(this.colours.strong, 0.5);
      ctx.lineWidth = 1;
      ctx.beginPath();
      ctx.moveTo(at, area.top);
      ctx.lineTo(at, area.bottom);
      ctx.stroke();
    }
    ctx.restore();
  }

  drawMap() {
    const data = this.maps.get(this.channel.name);
    const canvas = this.map.querySelector("canvas");
    if (!data || this.map.hidden) return;
    const width = this.map.clientWidth, height = this.map.clientHeight, scale = window.devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = height * scale;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const ctx = canvas.getContext("2d");
    ctx.scale(scale, scale);
    const length = this.told.length_s, x = (value) => (value / length) * width;
    for (const [from, to, kind] of this.channel.contractions) {
      ctx.fillStyle = this.colours[kind];
      ctx.fillRect(x(from), 0, Math.max(x(to) - x(from), 2), 3);
    }
    const values = data.envelope?.length ? data.envelope : data.max;
    const most = values.reduce((most, value) => Math.max(most, value ?? 0), 0) || 1;
    ctx.strokeStyle = this.colours.tone;
    ctx.lineWidth = 1;
    ctx.beginPath();
    values.forEach((value, at) => ctx.lineTo(x(data.t.start + at * data.t.step), height - 3 - ((value ?? 0) / most) * (height - 12)));
    ctx.stroke();
    ctx.fillStyle = faded(this.colours.tone, 0.12);
    ctx.fillRect(x(this.from), 0, x(this.span), height);
    ctx.strokeStyle = this.colours.tone;
    ctx.strokeRect(x(this.from) + 0.75, 0.75, Math.max(x(this.span) - 1.5, 1), height - 1.5);
  }

  read() {
    const count = this.data.max.length;
    const how = this.decimated ? `${count} buckets, every peak kept` : `every sample (${+this.data.sampling_rate.toFixed(2)} Hz)`;
    const from = seconds(this.data.start_s, this.span), to = seconds(this.data.end_s, this.span);
    this.card.querySelector("[data-reading]").textContent = `${from}–${to} s · ${how}`;
  }

  hover(at) {
    this.pointed = at;
    const place = this.card.querySelector("[data-hover]");
    place.textContent = at === undefined || !this.data ? "" : this.valuesAt(at);
    this.chart?.draw();
  }

  valuesAt(at) {
    const { t, min, max, envelope } = this.data;
    const number = Math.max(0, Math.min(max.length - 1, Math.round((at - t.start) / t.step)));
    const { factor, unit } = this.channel;
    const told = (value) => (value === null || value === undefined ? "–" : Number((value * factor).toPrecision(3)).toString());
    const raw = this.decimated ? `${told(min[number])} to ${told(max[number])}` : told(max[number]);
    const inside = this.visible().find((one) => at >= one.from && at <= one.to);
    const rms = envelope?.length ? ` · RMS ${told(envelope[number])}` : "";
    return `${seconds(at, this.span)} s · raw ${raw}${rms} ${unit}${inside ? ` · no. ${inside.number} ${inside.mark}` : ""}`;
  }

  /* --- moving --------------------------------------------------------------- */

  show(from, to) {
    const length = this.told.length_s;
    const span = Math.min(Math.max(to - from, Math.min(LEAST_S, length)), length);
    this.from = Math.min(Math.max(from, 0), length - span);
    this.to = this.from + span;
    if (this.chart) {
      this.scales(this.chart.options.scales);
      this.chart.update("none");
    }
    this.drawMap();
    this.fetchSoon();
  }

  zoom(factor, around = (this.from + this.to) / 2) {
    this.show(around - (around - this.from) * factor, around + (this.to - around) * factor);
  }

  move(share) { this.show(this.from + share * this.span, this.to + share * this.span); }

  all() { this.show(0, this.told.length_s); }

  switchTo(number) {
    this.choose(number);
    this.fetch();
    this.fetchMap();
  }

  jump(button) {
    const number = this.told.channels.findIndex((channel) => channel.name === button.dataset.jump);
    const from = Number(button.dataset.from), to = Number(button.dataset.to);
    const room = Math.max((to - from) * 0.6, 0.4);
    if (this.told.channels[number] !== this.channel) {
      this.choose(number);
      this.fetchMap();
    }
    this.show(from - room, to + room);
    this.card.scrollIntoView({ block: "nearest" });
  }

  /* --- listening ------------------------------------------------------------ */

  listen() {
    this.card.addEventListener("click", (event) => this.click(event.target.closest("button")));
    for (const button of document.querySelectorAll("[data-jump]")) button.addEventListener("click", () => this.jump(button));
    this.plot.addEventListener("keydown", (event) => this.key(event));
    this.plot.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.plot.addEventListener("pointerdown", (event) => this.press(event));
    this.plot.addEventListener("pointermove", (event) => this.drag(event));
    this.plot.addEventListener("pointerup", () => this.release());
    this.plot.addEventListener("pointercancel", () => this.cancel());
    this.plot.addEventListener("pointerleave", () => this.hover(undefined));
    this.plot.addEventListener("dblclick", () => this.all());
    this.map.addEventListener("pointerdown", (event) => { this.map.setPointerCapture(event.pointerId); this.slide(event); });
    this.map.addEventListener("pointermove", (event) => { if (event.buttons) this.slide(event); });
    new ResizeObserver(() => this.drawMap()).observe(this.map);
    new MutationObserver(() => this.repaint()).observe(document.documentElement, { attributeFilter: ["class"] });
  }

  click(button) {
    if (!button) return;
    const { channel, show, zoom } = button.dataset;
    if (channel !== undefined) this.switchTo(Number(channel));
    if (show) this.toggle(show, button);
    if (zoom) ({ back: () => this.move(-0.5), on: () => this.move(0.5), in: () => this.zoom(0.5), out: () => this.zoom(2), all: () => this.all() })[zoom]();
  }

  toggle(name, button) {
    const other = name === "raw" ? "envelope" : "raw";
    this.shows[name] = !this.shows[name];
    if (!this.shows[name] && !this.shows[other]) this.shows[name] = true; // never an empty plot
    button.setAttribute("aria-pressed", String(this.shows[name]));
    if (this.data) this.draw();
  }

  key(event) {
    const deeds = {
      ArrowLeft: () => this.move(-0.25), ArrowRight: () => this.move(0.25),
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.all(),
      Home: () => this.show(0, this.span), End: () => this.show(this.told.length_s - this.span, this.told.length_s),
    };
    if (!deeds[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    deeds[event.key]();
  }

  /* Only with Ctrl or ⌘: a plain wheel scrolls the page. */
  wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.timeOf(event));
  }

  timeOf(event) {
    if (!this.chart) return this.from;
    const { left } = this.plot.getBoundingClientRect();
    const time = this.chart.scales.x.getValueForPixel(event.clientX - left);
    return Math.min(Math.max(time, this.from), this.to);
  }

  press(event) {
    if (event.button !== 0 || !this.chart) return;
    this.plot.setPointerCapture(event.pointerId);
    this.dragged = [this.timeOf(event), this.timeOf(event)];
  }

  drag(event) {
    if (this.dragged) this.dragged[1] = this.timeOf(event);
    this.hover(this.timeOf(event));
  }

  release() {
    const dragged = this.dragged?.sort((a, b) => a - b);
    this.dragged = null;
    // A click is no drag.
    if (dragged && dragged[1] - dragged[0] > this.span * 0.01) this.show(...dragged);
    else this.chart?.draw();
  }

  cancel() {
    this.dragged = null;
    this.chart?.draw();
  }

  slide(event) {
    const { left, width } = this.map.getBoundingClientRect();
    const middle = ((event.clientX - left) / width) * this.told.length_s;
    this.show(middle - this.span / 2, middle + this.span / 2);
  }

  repaint() {
    this.colours = colours(this.channel.tone);
    if (this.data) this.draw();
    this.drawMap();
  }
}

/* Looks again while work is under way, unless nobody looks or something is typed. */
function reload(after_s) {
  setTimeout(() => (document.hidden ? reload(after_s) : location.reload()), after_s * 1000);
}

function begin() {
  const root = document.querySelector("[data-emg]");
  if (root && window.Chart) new Signal(root);
  const waits = document.querySelector("[data-reload-s]");
  if (waits) reload(Number(waits.dataset.reloadS));
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
else begin();
