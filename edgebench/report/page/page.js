"use strict";
// Tables that are sorted, filtered and turned page by page, and the charts. Texts of a run only ever become text nodes.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const narrow = () => window.matchMedia("(max-width: 40rem)").matches;
  const FEW = 8; // rows that need no filter

  const textOf = (cell) => (Array.isArray(cell) ? cell[0] : cell);
  const keyOf = (cell) => (Array.isArray(cell) ? cell[1] : null);

  // Numbers before texts, and what is empty last, whichever way a column is sorted.
  function compare(one, other, way) {
    const [a, b] = [keyOf(one), keyOf(other)];
    if (a !== null && b !== null) return way * (a - b);
    if (a !== null || b !== null) return a !== null ? -1 : 1;
    const [left, right] = [textOf(one), textOf(other)];
    if (left === "" || right === "") return left === right ? 0 : left === "" ? 1 : -1;
    return way * left.localeCompare(right, "en", { numeric: true });
  }

  function cellElement(cell, number) {
    const made = document.createElement("td");
    if (number) made.className = "number";
    if (Array.isArray(cell) && cell[2]) {
      const link = document.createElement("a");
      link.href = cell[2];
      link.textContent = cell[0];
      made.append(link);
    } else {
      made.textContent = textOf(cell);
    }
    return made;
  }

  function enliven(element) {
    const rows = data.tables[element.dataset.table];
    if (!rows || rows.length < 2) return;
    const headings = [...element.querySelectorAll("th")];
    const numbers = headings.map((one) => one.classList.contains("number"));
    const body = element.querySelector("tbody");
    const [filter, shown] = [element.querySelector("input"), element.querySelector(".shown")];
    const [before, after] = [element.querySelector(".before"), element.querySelector(".after")];
    const searched = rows.map((row) => row.map(textOf).join("\n").toLowerCase());
    const state = { column: -1, way: 1, first: 0 };

    function chosen() {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const found = rows.map((_, index) => index).filter((index) => words.every((word) => searched[index].includes(word)));
      if (state.column < 0) return found;
      return found.sort((a, b) => compare(rows[a][state.column], rows[b][state.column], state.way) || a - b);
    }

    function draw() {
      const found = chosen();
      state.first = Math.max(0, Math.min(state.first, Math.floor((found.length - 1) / data.rows) * data.rows));
      const page = found.slice(state.first, state.first + data.rows);
      body.replaceChildren(
        ...page.map((index) => {
          const line = document.createElement("tr");
          line.append(...rows[index].map((cell, column) => cellElement(cell, numbers[column])));
          return line;
        }),
      );
      const range = found.length > page.length ? `${state.first + 1} to ${state.first + page.length} of ` : "";
      const left = found.length < rows.length ? ` (of ${rows.length})` : "";
      shown.textContent = `${range}${found.length} row${found.length === 1 ? "" : "s"}${left}`;
      before.disabled = state.first === 0;
      after.disabled = state.first + data.rows >= found.length;
    }

    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = heading.textContent;
      heading.replaceChildren(button);
      heading.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        state.way = state.column === column ? -state.way : 1;
        state.column = column;
        state.first = 0;
        headings.forEach((one) => one.setAttribute("aria-sort", "none"));
        heading.setAttribute("aria-sort", state.way > 0 ? "ascending" : "descending");
        draw();
      });
    });
    filter.addEventListener("input", () => {
      state.first = 0;
      draw();
    });
    const turn = (pages) => () => {
      state.first += pages * data.rows;
      draw();
    };
    before.addEventListener("click", turn(-1));
    after.addEventListener("click", turn(1));
    element.querySelector(".tools").hidden = rows.length < FEW;
    draw();
  }

  function fitted(spec) {
    if (narrow()) {
      spec.config.axis.labelLimit = 110;
      spec.config.axisY.labelLimit = 110;
      spec.config.legend.columns = 2;
      spec.config.legend.labelLimit = 130;
    }
    return spec;
  }

  async function drawChart(element) {
    const options = { actions: false, renderer: "svg", ast: true, defaultStyle: false, tooltip: { theme: "edgebench" } };
    await window.vegaEmbed(element, fitted(structuredClone(data.charts[element.dataset.chart])), options);
    element.setAttribute("role", "img"); // Vega makes it a document, of which it would have to tell every part
    element.removeAttribute("aria-roledescription");
    element.dataset.drawn = "";
  }

  document.querySelectorAll("[data-table]").forEach(enliven);
  const charts = [...document.querySelectorAll("[data-chart]")].map((element) =>
    drawChart(element).catch((error) => {
      element.textContent = "This picture could not be drawn; its rows stand below.";
      console.error(error);
    }),
  );
  Promise.all(charts).then(() => {
    document.documentElement.dataset.ready = "";
  });
})();
