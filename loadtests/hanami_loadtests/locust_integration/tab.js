"use strict";
// Puts the state of the run and its charts above the table of our tab. The data are in the answers that Locust's page
// requests every two seconds anyway; nothing else is requested but ECharts, once.
(() => {
  const TAB = "hanami";
  const COLOURS = { PASS: "#1a7f37", FAIL: "#b3201b", LOST: "#b3201b", INVALID: "#6b3fa0" };
  const CHARTS = [
    ["Messages per second", [["valid", "valid"], ["failed", "failed"]]],
    ["Response time, ms, to within 6 %", [["p50", "p50"], ["p99", "p99"], ["max", "max"]], "log"],
    ["Valid payload, MB/s", [["up", "up"], ["down", "down"]]],
    ["Users and messages in flight", [["users", "users"], ["in flight", "in_flight"]]],
  ];
  const PALETTE = ["#1b7fbf", "#c2571a", "#a3398c"];
  let news = null;
  let library = null;

  const element = (tag, style, text) => {
    const made = document.createElement(tag);
    made.style.cssText = style;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const box = element("section", "margin: 0 0 16px");
  box.setAttribute("aria-label", "State and charts of the run");
  const banner = element("div", "border-left: 6px solid; padding: 10px 16px; margin-bottom: 12px");
  banner.setAttribute("role", "status");
  const grid = element("div", "display: grid; grid-template-columns: repeat(auto-fit, minmax(310px, 1fr)); gap: 12px");
  box.append(banner, grid);
  const drawings = CHARTS.map(([title]) => {
    const figure = element("figure", "margin: 0");
    const place = element("div", "height: 200px");
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", title);
    figure.append(element("figcaption", "font-weight: 600; padding-left: 8px", title), place);
    grid.append(figure);
    return { place, chart: null };
  });

  const showBanner = ({ status, reasons, state, has_report: hasReport, folder }) => {
    banner.replaceChildren(element("strong", "font-size: 1.15rem", status));
    banner.style.borderColor = COLOURS[state] || "#59636e";
    banner.querySelector("strong").style.color = COLOURS[state] || "inherit";
    for (const reason of reasons) banner.append(element("div", "", reason));
    if (!hasReport) return;
    const line = element("div", "");
    const link = element("a", "color: inherit", "report of this run");
    link.href = "./hanami/report";
    link.target = "_blank";
    link.rel = "noopener";
    line.append(link, ` (reports in ${folder})`);
    banner.append(line);
  };

  // Faults of the run; one that lasts ends with the last point.
  const bands = (faults, last, ink) => ({
    silent: true,
    itemStyle: { color: "#b3201b", opacity: 0.2, borderColor: "#b3201b", borderWidth: 1 },
    label: { position: "insideTop", fontSize: 10, color: ink, textBorderWidth: 0 },
    data: faults.map(({ name, begin, end }) => [{ name, xAxis: begin }, { xAxis: end ?? Math.max(last, begin) }]),
  });

  const option = (series, kind, points, faults, ink) => ({
    animation: false,
    textStyle: { color: ink },
    grid: { left: 52, right: 12, top: 26, bottom: 22 },
    legend: { top: 0, left: 4, itemHeight: 8, textStyle: { color: ink }, data: series.map(([name]) => name) },
    tooltip: { trigger: "axis", confine: true },
    xAxis: { type: "value", min: points[0].second, max: "dataMax", axisLabel: { color: ink, formatter: "{value} s" } },
    yAxis: { type: kind || "value", min: kind === "log" ? null : 0, axisLabel: { color: ink }, splitNumber: 3 },
    series: [
      ...series.map(([name, key], place) => ({
        type: "line",
        name,
        symbol: points.length < 3 ? "circle" : "none",
        color: PALETTE[place],
        data: points.map((point) => [point.second, point[key]]),
      })),
      { type: "line", name: "", data: [], markArea: bands(faults, points[points.length - 1].second, ink) },
    ],
  });

  const draw = () => {
    grid.style.display = news.points.length ? "grid" : "none";
    if (!news.points.length || !box.isConnected) return;
    if (!library) {
      library = document.createElement("script");
      library.src = "./hanami/echarts.js";
      library.onload = draw;
      document.head.append(library);
    }
    if (!window.echarts) return;
    const ink = getComputedStyle(document.body).color;
    drawings.forEach((drawing, place) => {
      const [, series, kind] = CHARTS[place];
      drawing.chart ||= echarts.init(drawing.place, null, { renderer: "svg" });
      drawing.chart.resize();
      drawing.chart.setOption(option(series, kind, news.points, news.faults || [], ink), true);
    });
  };

  // The page is drawn by React, so our box is put back whenever the tab was drawn anew.
  const put = () => {
    // The form before a run has a table as well.
    const table = [...document.querySelectorAll("#root table")].find((one) => one.querySelector("th")?.textContent === "Message");
    const shown = news && table && new URLSearchParams(location.search).get("tab") === TAB;
    if (!shown) {
      box.remove();
    } else {
      const paper = table.closest(".MuiPaper-root") || table;
      if (paper.previousSibling !== box) {
        paper.before(box);
        draw();
      }
    }
  };
  new MutationObserver(put).observe(document.getElementById("root"), { childList: true, subtree: true });
  addEventListener("resize", () => drawings.forEach(({ chart }) => chart?.resize()));

  const send = window.fetch;
  window.fetch = async (input, init) => {
    const response = await send(input, init);
    if (response.ok && response.url.includes("/stats/requests")) {
      response.clone().json().then((data) => {
        if (!data[TAB]) return;
        news = data[TAB];
        showBanner(news.banner);
        put();
        draw();
      }, () => {});
    }
    return response;
  };
})();
