"use strict";
// Fills the charts of the page: what is in them was made beforehand, and drawing is done by ECharts.
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const drawn = new Map();
  const number = (value, digits = 3) =>
    Math.abs(value) >= 99.95 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(digits)));
  const clock = (value) => {
    const seconds = Math.round(Number(value));
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    return (parts[0] ? parts : parts.slice(1)).map((part, at) => (at ? String(part).padStart(2, "0") : part)).join(":");
  };
  const milliseconds = (value) =>
    value < 0.9995 ? `${number(value * 1000)} µs` : value < 999.5 ? `${number(value)} ms` : `${number(value / 1000)} s`;
  // 10 is p90, 100 is p99; as many nines as it takes.
  const percent = (oneIn) => {
    const share = 100 - 100 / oneIn;
    return Number(share.toFixed(Math.max(0, Math.ceil(Math.log10(oneIn)) + (Number.isInteger(Math.log10(oneIn)) ? -2 : 0))));
  };
  const formats = {
    "@ms": milliseconds,
    "@number": (value) => number(value),
    "@count": (value) => Number(value).toLocaleString("en"),
    "@rate": (value) => `${number(value)}/s`,
    "@megabytes": (value) => `${number(value)} MB/s`,
    "@clock": clock,
    "@oneIn": (value) => (value < 1.5 ? "min" : `p${percent(value)}`),
    "@oneInLong": (value) => (value < 1.005 ? "least" : `p${percent(value)}: 1 in ${number(value)} is slower`),
    "@chunk": (value) => `chunks ${value}`,
    "@ratio": (value) => `× ${number(value)}`,
    "@plain": (value) => String(value),
  };

  // What a colour of the page is at the moment, as ECharts can use it.
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };

  // A copy of an option with colours and formatters in place of their names.
  const filled = (value, key) => {
    if (Array.isArray(value)) return value.map((one) => filled(one, key));
    if (value && typeof value === "object")
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, filled(one, name)]));
    if (/color$/i.test(key) && typeof value === "string" && value.startsWith("--")) return colour(value);
    if (key === "formatter" && Object.hasOwn(formats, value)) return formats[value];
    return value;
  };

  const element = (tag, text, className) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  // Made of text nodes: names of series come from the tested server's side, and are never markup.
  const readOut = (chart) => (params) => {
    const seen = (Array.isArray(params) ? params : [params]).filter((one) => one.value !== undefined && one.value !== null);
    const box = element("div", undefined, "readout");
    if (chart.kind === "item") {
      const [column, row, count] = seen[0].value;
      box.append(element("strong", `from ${clock(chart.option.xAxis.data[column])}`));
      box.append(element("div", `${chart.rows[row]}: ${count.toLocaleString("en")} answers`));
      return box;
    }
    const shown = new Set();
    const table = element("table");
    for (const one of seen) {
      const value = Array.isArray(one.value) ? one.value[one.value.length - 1] : one.value;
      if (value === null || value === undefined || value === "-" || shown.has(one.seriesName)) continue;
      shown.add(one.seriesName);
      const row = element("tr");
      const mark = element("i");
      mark.style.background = one.color;
      const name = element("td");
      name.append(mark, one.seriesName);
      const few = chart.few.includes(one.seriesIndex) ? " (few samples)" : "";
      row.append(name, element("td", formats[chart.y[one.seriesIndex]](value) + few));
      table.append(row);
    }
    const at = seen.length ? seen[0].axisValue : "";
    box.append(element("strong", formats[chart.x](at)), table);
    return box;
  };

  const draw = (box, width) => {
    const chart = charts[box.id];
    const option = filled(chart.option, "");
    option.animation = false;
    option.textStyle = { fontFamily: getComputedStyle(document.body).fontFamily };
    option.tooltip = {
      trigger: chart.kind,
      confine: true,
      formatter: readOut(chart),
      axisPointer: { type: "line", snap: true, label: { show: false }, lineStyle: { color: colour("--soft") } },
      backgroundColor: colour("--card"),
      borderColor: colour("--line"),
      padding: 0,
    };
    drawn.get(box)?.dispose();
    const made = echarts.init(box, null, { renderer: "svg", width });
    made.setOption(option);
    drawn.set(box, made);
  };

  const boxes = [...document.querySelectorAll(".chart")];
  // Only what comes into sight is drawn: a page of many types opens at once.
  const sight = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        sight.unobserve(entry.target);
        draw(entry.target);
        size.observe(entry.target);
      }
    },
    { rootMargin: "300px" },
  );
  const size = new ResizeObserver((entries) => {
    for (const { target } of entries) if (target.clientWidth) drawn.get(target)?.resize();
  });
  for (const box of boxes) sight.observe(box);

  document.addEventListener("theme", () => {
    for (const box of drawn.keys()) draw(box);
  });
  // Paper shows everything, in the colours of print.
  let opened = [];
  let theme;
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const one of opened) one.open = true;
    theme = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    for (const box of boxes) draw(box, 660);
  });
  addEventListener("afterprint", () => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    for (const one of opened) one.open = false;
    for (const box of boxes) if (box.clientWidth) draw(box);
  });
  document.documentElement.classList.add("drawn");
})();
