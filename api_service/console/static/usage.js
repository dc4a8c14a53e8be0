// @ts-check
/** The plot of what each day cost. */

const plot = /** @type {HTMLElement} */ (document.getElementById("plot"));
const days = JSON.parse(document.getElementById("days")?.textContent ?? "{}");
const MICRO = 1e6;
const HALF_DAY = 43_200; // seconds
/** @type {{destroy: () => void} | null} */
let drawn = null;

function draw() {
  const style = getComputedStyle(plot);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--faint"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `12px ${style.fontFamily}` };
  const Plot = /** @type {any} */ (window).uPlot;
  drawn?.destroy();
  const most = Math.max(...days.micro_dollars) / MICRO;
  const places = most && most < 0.1 ? 4 : most < 10 ? 2 : 0;
  const dollars = (/** @type {number} */ value) => `$${value.toFixed(places)}`;
  const day = (/** @type {number} */ at) => new Date(at * 1000).toLocaleDateString(document.documentElement.lang, { timeZone: "UTC", month: "short", day: "numeric" });
  drawn = new Plot(
    {
      width: plot.clientWidth,
      height: plot.clientHeight,
      legend: { show: false },
      cursor: { y: false, points: { show: false } },
      tzDate: (/** @type {number} */ at) => Plot.tzDate(new Date(at * 1000), "Etc/UTC"),
      scales: { x: { range: (/** @type {unknown} */ _, /** @type {number} */ first, /** @type {number} */ last) => [first - HALF_DAY, last + HALF_DAY] }, y: { range: (/** @type {unknown} */ _, /** @type {number} */ __, /** @type {number} */ most) => [0, most || 1] } },
      axes: [{ ...axis, space: 70, values: (/** @type {unknown} */ _, /** @type {number[]} */ ticks) => ticks.map(day) }, { ...axis, size: 64, values: (/** @type {unknown} */ _, /** @type {number[]} */ ticks) => ticks.map(dollars) }],
      series: [{}, { label: plot.dataset.label, fill: colour("--accent"), stroke: colour("--accent"), width: 0, paths: Plot.paths.bars({ size: [0.7, 48] }), points: { show: false } }],
    },
    [days.at, days.micro_dollars.map((/** @type {number} */ each) => each / MICRO)],
    plot,
  );
}

draw();
new ResizeObserver(draw).observe(plot);
document.addEventListener("console:theme", draw);
