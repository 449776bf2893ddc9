// Draws the charts from the JSON of the page, and redraws them for another theme, another choice, or paper.
(() => {
  "use strict";
  const root = document.documentElement;
  const { dark: darkOf, charts } = JSON.parse(document.getElementById("figures").textContent);
  const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
  const touch = window.matchMedia("(pointer: coarse)");
  const PAPER_WIDTH = 670; // px: A4 less its margins
  // the same object always: with another one Plotly would begin anew and forget who listens
  const config = { responsive: true, displayModeBar: false, displaylogo: false, typesetMath: false };
  let printing = false;

  const isDark = () => !printing && (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);

  // Figures come in the light colours; each colour has one dark counterpart, string for string.
  const recoloured = (value) => {
    if (typeof value === "string") return darkOf[value] ?? value;
    if (Array.isArray(value)) return typeof value[0] === "object" ? value.map(recoloured) : value;
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, recoloured(entry)]));
  };

  const moment = (x) => {
    if (typeof x === "number") return x;
    return Date.parse((x.length <= 10 ? `${x}T00:00` : x.replace(" ", "T")) + "Z");
  };

  // The range of values within a range of time, so that a zoom in time also fills the height.
  const valuesWithin = (data, range) => {
    const [from, to] = range ? range.map(moment) : [-Infinity, Infinity];
    let low = Infinity, high = -Infinity;
    for (const { x, y } of data) {
      for (let place = 0; place < x.length; place += 1) {
        if (y[place] === null) continue;
        const at = moment(x[place]);
        if (at < from || at > to) continue;
        low = Math.min(low, y[place]);
        high = Math.max(high, y[place]);
      }
    }
    if (low > high) return null;
    const room = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
    return [low - room, high + room];
  };

  const plotOf = (figure) => figure.querySelector(".plot");
  const viewOf = (figure) => {
    const key = [...figure.querySelectorAll("select")].map((select) => select.value).join("/");
    return charts[figure.dataset.chart].views[key];
  };

  const draw = (figure) => {
    const { zoom } = charts[figure.dataset.chart];
    const { data, layout, alt, caption } = viewOf(figure);
    const plot = plotOf(figure);
    const shown = structuredClone(layout);
    if (zoom) {
      const range = plot.dataset.range ? JSON.parse(plot.dataset.range) : layout.xaxis.range;
      shown.xaxis.range = range === "all" ? undefined : range;
      shown.xaxis.autorange = range === "all";
      shown.yaxis.range = valuesWithin(data, shown.xaxis.range) ?? undefined;
      if (touch.matches) shown.dragmode = false; // a finger on the chart scrolls the page
    }
    if (printing) {
      Object.assign(shown, { autosize: false, width: figure.closest(".pair") ? PAPER_WIDTH / 2 - 20 : PAPER_WIDTH, height: 340 });
      if (zoom) shown.xaxis.rangeslider.visible = false;
    }
    const settled = isDark() ? recoloured({ data, layout: shown }) : { data: structuredClone(data), layout: shown };
    plot.setAttribute("aria-label", alt);
    const words = figure.querySelector("figcaption");
    if (words.textContent !== caption) words.textContent = caption; // a screen reader tells of every change
    window.Plotly.react(plot, settled.data, settled.layout, config);
  };
  const figures = [...document.querySelectorAll("figure.chart")];
  const drawAll = () => figures.forEach(draw);

  const showSpan = (figure, range) => {
    plotOf(figure).dataset.range = JSON.stringify(range);
    const recent = JSON.stringify(viewOf(figure).layout.xaxis.range);
    for (const button of figure.querySelectorAll("[data-span]")) {
      const mine = button.dataset.span === "all" ? range === "all" : JSON.stringify(range) === recent;
      button.setAttribute("aria-pressed", String(mine));
    }
  };

  for (const figure of figures) {
    draw(figure);
    if (!charts[figure.dataset.chart].zoom) continue;
    plotOf(figure).on("plotly_relayout", (change) => {
      const both = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      const reset = change["xaxis.autorange"] === true;
      if (printing || (!reset && both[0] === undefined)) return;
      showSpan(figure, reset ? "all" : both);
      draw(figure);
    });
    for (const button of figure.querySelectorAll("[data-span]")) {
      button.addEventListener("click", () => {
        showSpan(figure, button.dataset.span === "all" ? "all" : viewOf(figure).layout.xaxis.range);
        draw(figure);
      });
    }
  }

  document.addEventListener("change", ({ target }) => {
    if (!target.dataset.choice) return;
    for (const select of document.querySelectorAll(`select[data-choice="${target.dataset.choice}"]`)) {
      select.value = target.value;
      const figure = select.closest("figure");
      if (charts[figure.dataset.chart].zoom) showSpan(figure, viewOf(figure).layout.xaxis.range);
      draw(figure);
    }
    if (target.dataset.choice !== "series") return;
    for (const numbers of document.querySelectorAll("[data-series]")) numbers.hidden = numbers.dataset.series !== target.value;
  });

  for (const link of document.querySelectorAll("[data-pick]")) {
    link.addEventListener("click", () => {
      const select = document.querySelector('select[data-choice="series"]');
      select.value = link.dataset.pick;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }

  const theme = document.querySelector(".theme");
  const names = { "": "system", light: "light", dark: "dark" };
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const order = Object.keys(names);
    const next = order[(order.indexOf(root.dataset.theme ?? "") + 1) % order.length];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    theme.querySelector("span").textContent = names[next];
    drawAll();
  });
  systemDark.addEventListener("change", drawAll);
  window.addEventListener("beforeprint", () => { printing = true; drawAll(); });
  window.addEventListener("afterprint", () => { printing = false; drawAll(); });

  const copy = document.querySelector(".copy");
  if (copy && navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.querySelector(".command code").textContent);
      copy.textContent = "Copied";
    });
  }
})();
