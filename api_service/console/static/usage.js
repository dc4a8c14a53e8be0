// @ts-check
/** The plot of what each day cost. */

const plot = /** @type {HTMLElement} */ (document.getElementById("plot"));
const days = JSON.parse(document.getElementById("days")?.textContent ?? "{}");
const MICRO = 1e6;
/** @type {{destroy: () => void} | null} */
let drawn = null;

function draw() {
  const style = getComputedStyle(plot);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--faint"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `12px ${style.fontFamily}` };
  const Plot = /** @type {any} */ (window).uPlot;
  drawn?.destroy();
  const dollars = (/** @type {number} */ value) => `$${value.toFixed(value && value < 1 ? 2 : value % 1 ? 2 : 0)}`;
  drawn = new Plot(
    {
      width: plot.clientWidth,
      height: plot.clientHeight,
      legend: { show: false },
      cursor: { y: false, points: { show: false } },
      tzDate: (/** @type {number} */ at) => Plot.tzDate(new Date(at * 1000), "Etc/UTC"),
      scales: { y: { range: (/** @type {unknown} */ _, /** @type {number} */ __, /** @type {number} */ most) => [0, most || 1] } },
      axes: [axis, { ...axis, size: 56, values: (/** @type {unknown} */ _, /** @type {number[]} */ ticks) => ticks.map(dollars) }],
      series: [{}, { label: plot.dataset.label, fill: colour("--accent"), stroke: colour("--accent"), width: 0, paths: Plot.paths.bars({ size: [0.7, 48] }), points: { show: false } }],
    },
    [days.at, days.micro_dollars.map((/** @type {number} */ each) => each / MICRO)],
    plot,
  );
}

draw();
new ResizeObserver(draw).observe(plot);
document.addEventListener("console:theme", draw);
