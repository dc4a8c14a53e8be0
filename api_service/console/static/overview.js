// The charts of the overview: they ask /v1/ops/trends for a span of the past, at once, when jobs have changed, and when
// another span is chosen. Colours are the tokens', so a change between light and dark draws them again.

import { call } from "./console.js";

const charts = document.getElementById("charts");
const trouble = document.getElementById("charts-trouble");
const AGAIN_MS = { hour: 5_000, day: 20_000, week: 60_000, month: 60_000 };
let span = "day";
let shown = null;
let askedAt = 0;
let later = 0;
const plots = new Map();

const sum = (values) => values.reduce((total, value) => total + value, 0);
const most = (values) => values.reduce((top, value) => Math.max(top, value ?? 0), 0);
const dollars = (value) => `$${value.toFixed(value && value < 1 ? 4 : 2)}`;
const lasting = (ms) => (ms < 1_000 ? `${Math.round(ms)} ms` : ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s`
  : ms < 3_600_000 ? `${(ms / 60_000).toFixed(1)} min` : `${(ms / 3_600_000).toFixed(1)} h`);
const whole = (value) => (Number.isInteger(value) ? String(value) : "");

// What each chart shows: its lines of values, their colours, how a value is written, and the figure in its corner.
const KINDS = {
  throughput: {
    bars: true, colours: ["--good", "--idle"], write: whole,
    values: (t) => [t.succeeded, t.cancelled], figure: (t) => String(sum(t.succeeded)),
  },
  failures: {
    bars: true, colours: ["--bad"], write: whole,
    values: (t) => [t.failed],
    figure: (t) => {
      const ended = sum(t.succeeded) + sum(t.failed);
      return `${sum(t.failed)} (${ended ? ((100 * sum(t.failed)) / ended).toFixed(1) : "0"} %)`;
    },
  },
  wait: {
    colours: ["--busy", "--idle"], write: lasting,
    values: (t) => [t.wait_p50_ms, t.wait_p95_ms], figure: (t) => lasting(most(t.wait_p95_ms)),
  },
  run: {
    colours: ["--busy", "--idle"], write: lasting,
    values: (t) => [t.run_p50_ms, t.run_p95_ms], figure: (t) => lasting(most(t.run_p95_ms)),
  },
  spend: {
    bars: true, colours: ["--accent"], write: dollars,
    values: (t) => [t.micro_dollars.map((each) => each / 1e6)], figure: (t) => dollars(sum(t.micro_dollars) / 1e6),
  },
  audio: {
    bars: true, colours: ["--accent"], write: (value) => `${Math.round(value)}`,
    values: (t) => [t.audio_ms.map((each) => each / 60_000)], figure: (t) => lasting(sum(t.audio_ms)),
  },
};

const lang = document.documentElement.lang;
const time = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(lang, { day: "numeric", month: "short" });
const hour = (at) => time.format(at * 1_000);
const date = (at) => day.format(at * 1_000);
const clock = { hour, day: hour, week: date, month: date };

function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function series(kind, alone) {
  const bars = kind.bars ? { paths: window.uPlot.paths.bars({ size: [0.8, 24], radius: 0.15 }) } : { spanGaps: true };
  return kind.colours.map((colour) => ({
    stroke: token(colour), width: kind.bars ? 0 : 1.5, fill: kind.bars ? token(colour) : undefined,
    points: { show: !kind.bars && alone, size: 5, fill: token(colour) }, ...bars,
  }));
}

function options(kind, width, height, alone) {
  const axis = { stroke: token("--faint"), font: "11px sans-serif", grid: { stroke: token("--line"), width: 1 }, ticks: { show: false } };
  return {
    width, height, padding: [8, 8, 0, 0], legend: { show: false }, cursor: { drag: { x: false, y: false }, y: false },
    scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.15 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, space: 60, size: 22, values: (_, ticks) => ticks.map(clock[span]) },
      { ...axis, size: 58, space: 36, values: (_, ticks) => ticks.map(kind.write) },
    ],
    series: [{}, ...series(kind, alone)],
  };
}

function draw(figure, trends) {
  const kind = KINDS[figure.dataset.chart];
  const place = figure.querySelector(".plot");
  const data = [trends.at.map((at) => Date.parse(at) / 1_000), ...kind.values(trends)];
  const alone = data[1].filter((value) => value !== null).length < 8;  // too few for a line: points too
  plots.get(figure)?.destroy();
  plots.set(figure, new window.uPlot(options(kind, place.clientWidth, place.clientHeight, alone), data, place));
  const told = kind.figure(trends);
  figure.querySelector("[data-figure]").textContent = told;
  place.setAttribute("aria-label", `${figure.querySelector("h3").textContent}: ${told}`);
}

function drawAll() {
  if (shown) for (const figure of charts.querySelectorAll(".chart")) draw(figure, shown);
}

async function ask() {
  clearTimeout(later);
  later = 0;
  askedAt = Date.now();
  const wanted = span;
  try {
    const answer = await call(`${charts.dataset.source}?span=${wanted}`);
    if (!answer.ok) throw new Error(answer.status);
    const trends = await answer.json();
    if (wanted !== span) return;
    shown = trends;
    drawAll();
    trouble.hidden = true;
    charts.dataset.drawn = wanted;
  } catch {
    trouble.hidden = false;
  }
}

function askSoon() {
  if (!later) later = setTimeout(ask, Math.max(askedAt + AGAIN_MS[span] - Date.now(), 0));
}

charts.addEventListener("click", (event) => {
  const chosen = event.target.closest("[data-span]");
  if (!chosen) return;
  span = chosen.dataset.span;
  for (const each of charts.querySelectorAll("[data-span]")) each.setAttribute("aria-pressed", String(each === chosen));
  ask();
});
document.addEventListener("htmx:sseMessage", askSoon);
document.addEventListener("console:theme", drawAll);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth !== width) drawAll();
  width = window.innerWidth;
});
ask();
