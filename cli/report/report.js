"use strict";
// Moves the curve between numbers that were computed when the page was made. It computes none.
(function () {
  const data = JSON.parse(document.getElementById("slider-data").textContent);
  const byId = (id) => document.getElementById(id);
  const [curve, band, rows] = [byId("moved"), byId("moved-band"), byId("moved-rows")];
  const [answer, command, said] = [byId("moved-answer"), byId("moved-command"), byId("moved-said")];
  let drawn = 0;

  // What is `share` of the way between two numbers; a speed-up is one on a logarithmic axis.
  const between = (a, b, share) => a + (b - a) * share;
  const onLog = (a, b, share) => a * (b / a) ** share;

  // The curve at a value: as computed, or between its two neighbours where both have a number.
  function curveAt(slider, value) {
    const below = Math.floor(value), share = value - below, a = slider.at[below];
    if (share === 0) return a;
    const b = slider.at[below + 1];
    const pairs = a.workers.map((n, i) => [i, b.workers.indexOf(n)]).filter((p) => p[1] >= 0);
    const mix = (field, how) => pairs.map(([i, j]) => how(a[field][i], b[field][j], share));
    const speedup = mix("speedup", onLog);
    return {
      label: "between " + a.label + " and " + b.label,
      answer: "Interpolated between two computed values.",
      command: "",
      workers: pairs.map(([i]) => a.workers[i]),
      speedup: speedup,
      text: speedup.map((s) => "about " + Number(s.toPrecision(3)) + "×"),
      x: pairs.map(([i]) => a.x[i]),
      y: mix("y", between), low: mix("low", between), high: mix("high", between),
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
})();
