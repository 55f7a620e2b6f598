"use strict";
// Moves the curve between numbers that were computed when the page was made. It computes none.
(function () {
  const data = JSON.parse(document.getElementById("slider-data").textContent);
  const byId = (id) => document.getElementById(id);
  const [curve, band, rows] = [byId("moved"), byId("moved-band"), byId("moved-rows")];
  const [answer, command, said] = [byId("moved-answer"), byId("moved-command"), byId("moved-said")];
  let drawn = 0;

  // How much each of up to four neighbours counts at a value: the one polynomial through them.
  function weights(value, count) {
    const below = Math.floor(value);
    const near = [below - 1, below, below + 1, below + 2].filter((k) => k >= 0 && k < count);
    const others = (k) => near.filter((other) => other !== k);
    return near.map((k) => [k, others(k).reduce((w, o) => w * (value - o) / (k - o), 1)]);
  }

  // The curve at a value: as computed, or between its neighbours where all have a number.
  function curveAt(slider, value) {
    const below = Math.floor(value), here = slider.at[below];
    if (value === below) return here;
    const near = weights(value, slider.at.length).map(([k, w]) => [slider.at[k], w]);
    const common = here.workers.filter((n) => near.every(([at]) => at.workers.includes(n)));
    const mix = (field, to, from) => common.map((n) => from(near.reduce(
      (sum, [at, w]) => sum + w * to(at[field][at.workers.indexOf(n)]), 0)));
    const same = (number) => number;
    const speedup = mix("speedup", Math.log, Math.exp);
    return {
      label: "between " + here.label + " and " + slider.at[below + 1].label,
      answer: "Interpolated between computed values.",
      command: "",
      workers: common,
      speedup: speedup,
      text: speedup.map((s) => "about " + Number(s.toPrecision(3)) + "×"),
      x: mix("x", same, same),
      y: mix("y", same, same), low: mix("low", same, same), high: mix("high", same, same),
    };
  }

  function show(slider, value) {
    const at = curveAt(slider, value);
    const points = (ys) => at.x.map((x, i) => x + " " + ys[i]);
    curve.setAttribute("d", "M" + points(at.y).join("L"));
    band.setAttribute("d", "M" + points(at.high).concat(points(at.low).reverse()).join("L") + "Z");
    byId("o-" + slider.name).textContent = at.label;
    byId("s-" + slider.name).setAttribute("aria-valuetext", at.label);
    answer.textContent = at.answer;
    command.textContent = at.command;
    command.parentNode.hidden = !at.command;
    rows.replaceChildren(...at.workers.map((n, i) => {
      const row = document.createElement("tr"), head = document.createElement("th");
      const cell = document.createElement("td");
      head.scope = "row";
      head.textContent = n;
      cell.textContent = at.text[i];
      cell.dataset.speedup = at.speedup[i];
      row.append(head, cell);
      return row;
    }));
  }

  // One quantity at a time: whatever else was moved goes back to today.
  function others(slider) {
    for (const other of data) {
      const input = byId("s-" + other.name);
      if (other === slider || Number(input.value) === other.today) continue;
      input.value = other.today;
      const now = other.at[other.today].label;
      byId("o-" + other.name).textContent = now;
      input.setAttribute("aria-valuetext", now);
    }
  }

  for (const slider of data) {
    const input = byId("s-" + slider.name);
    input.addEventListener("input", function () {
      others(slider);
      cancelAnimationFrame(drawn);
      drawn = requestAnimationFrame(() => show(slider, Number(input.value)));
    });
    // Read aloud once the slider rests.
    input.addEventListener("change", () => {
      said.textContent = curveAt(slider, Number(input.value)).answer;
    });
  }
  byId("reset").addEventListener("click", function () {
    others(null);
    show(data[0], data[0].today);
    said.textContent = answer.textContent;
  });
  byId("knobs").hidden = false;

  // The keyboard stops at what scrolls alone.
  function stops() {
    for (const box of document.querySelectorAll(".wide,pre")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }
  addEventListener("resize", stops);
  document.addEventListener("toggle", stops, true);
  stops();
})();
