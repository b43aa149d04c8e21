// Draws charts of lines so that they can be read, switched and zoomed. Without it they are pictures,
// which stay for screen readers; the table on each page has every value.
"use strict";

const HEIGHT = 260;
const POINTS_MAX = 62;  // more of them would hide their line
const DAYS = [1, 2, 5, 7, 14, 28, 56, 112];
const HINT = "Point at a day to read it, drag to zoom. By keyboard: arrows, plus, minus, Escape.";
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });

function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

// What is not over is a line of its own, dashed, from the last value that is.
function seriesOf(lines, soFar, colour) {
  const drawn = [];
  for (const { number, values } of lines) {
    const stroke = () => colour(`--series-${number}`);
    const points = { show: values.length <= POINTS_MAX, size: 6, fill: stroke };
    const over = soFar ? values.map((value, at) => (at === values.length - 1 ? null : value)) : values;
    drawn.push({ number, values: over, options: { stroke, points, width: 2 } });
    if (!soFar) continue;
    const last = values.map((value, at) => (at < values.length - 2 ? null : value));
    drawn.push({ number, values: last, options: { stroke, points, width: 2, dash: [2, 5] } });
  }
  return drawn;
}

function draw(figure) {
  const { names, lines, so_far: soFar } = JSON.parse(figure.dataset.lines);
  if (names.length < 2) return;
  const colour = (name) => getComputedStyle(figure).getPropertyValue(name).trim();
  const drawn = seriesOf(lines, soFar, colour);
  const isShown = new Map(lines.map(({ number }) => [number, true]));
  const legend = figure.querySelector(".legend");
  const place = make("div", "plot");
  const status = make("p", "values hint", HINT);
  const whole = make("button", "small", "Whole period");
  whole.type = "button";
  whole.hidden = true;
  place.setAttribute("aria-hidden", "true");
  status.setAttribute("role", "status");
  figure.querySelector("svg").classList.add("hidden");
  figure.querySelector("svg").after(place);
  figure.append(status, whole);

  function say(at) {
    const shown = lines.filter(({ number, values }) => isShown.get(number) && values[at] !== null);
    const values = shown.map(({ labels }) => labels[at]).join(" · ");
    status.textContent = at === null || at === undefined ? HINT : `${names[at]}: ${values || "nothing"}`;
  }

  const axis = { stroke: () => colour("--quiet"), grid: { stroke: () => colour("--line"), width: 1 } };
  const plot = new uPlot({
    width: figure.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false } },
    scales: {
      x: { time: false },
      y: { range: (_, smallest, largest) => [Math.min(smallest ?? 0, 0), largest > 0 ? largest * 1.08 : 1] },
    },
    axes: [
      { ...axis, incrs: DAYS, space: 76, values: (_, ticks) => ticks.map((at) => names[at] ?? "") },
      { ...axis, size: 56, values: (_, ticks) => ticks.map((value) => SHORT.format(value)) },
    ],
    series: [{}, ...drawn.map(({ options }) => options)],
    hooks: {
      setCursor: [({ cursor }) => say(cursor.idx)],
      setScale: [(self, key) => {
        if (key === "x") whole.hidden = self.scales.x.min <= 0 && self.scales.x.max >= names.length - 1;
      }],
    },
  }, [names.map((_, at) => at), ...drawn.map(({ values }) => values)], place);

  const zoom = (from, to) => plot.setScale("x", { min: Math.max(from, 0), max: Math.min(to, names.length - 1) });
  const showWhole = () => zoom(0, names.length - 1);
  whole.addEventListener("click", showWhole);

  for (const [at, item] of [...(legend?.children ?? [])].entries()) {
    const { number } = lines[at];
    const button = make("button", "link");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.append(...item.childNodes);
    item.append(button);
    button.addEventListener("click", () => {
      isShown.set(number, !isShown.get(number));
      button.setAttribute("aria-pressed", String(isShown.get(number)));
      for (const [index, each] of drawn.entries()) {
        if (each.number === number) plot.setSeries(index + 1, { show: isShown.get(number) });
      }
    });
  }

  figure.addEventListener("keydown", (event) => {
    if (event.target !== figure) return;
    const { min, max } = plot.scales.x;
    const span = max - min;
    const isNew = plot.cursor.idx === null || plot.cursor.idx === undefined;
    let at = isNew ? Math.floor(max) : plot.cursor.idx;
    if (event.key === "ArrowLeft") at = isNew ? at : Math.max(at - 1, Math.ceil(min));
    else if (event.key === "ArrowRight") at = isNew ? at : Math.min(at + 1, Math.floor(max));
    else if (event.key === "+" && span > 2) zoom(at - span / 4, at + span / 4);
    else if (event.key === "-") zoom(min - span / 2, max + span / 2);
    else if (event.key === "Escape") showWhole();
    else return;
    event.preventDefault();
    // A new scale is in force once this event is over.
    setTimeout(() => plot.setCursor({ left: plot.valToPos(at, "x"), top: 1 }));
  });

  new ResizeObserver(() => plot.setSize({ width: figure.clientWidth, height: HEIGHT })).observe(figure);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plot.redraw());
}

for (const figure of document.querySelectorAll("figure[data-lines]")) draw(figure);
