(function () {
  "use strict";
  var NARROW = 680; // pixels of a chart's own width
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var drawn = new Map();

  function variable(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // Colours of the page's scheme, by path into a layout.
  function colours(layout) {
    var found = {
      "font.color": variable("--chart"), "hoverlabel.bgcolor": variable("--raised"),
      "hoverlabel.font.color": variable("--ink"), "hoverlabel.bordercolor": variable("--strong")
    };
    Object.keys(layout).forEach(function (key) {
      if (/^[xy]axis\d*$/.test(key)) { found[key + ".gridcolor"] = variable("--grid"); }
    });
    return found;
  }

  function lay(layout, changes) {
    Object.keys(changes).forEach(function (path) {
      var keys = path.split("."), last = keys.pop(), place = layout;
      keys.forEach(function (key) { place = place[key] = place[key] || {}; });
      place[last] = changes[path];
    });
  }

  // The layout as the screen, the scheme and the reader's buttons ask for it, always from the original.
  function layoutOf(chart) {
    var layout = JSON.parse(chart.layout);
    if (chart.narrow) { lay(layout, chart.changes); }
    lay(layout, colours(layout));
    if (chart.log) { layout.yaxis.type = "log"; }
    layout.uirevision = "kept"; // lines switched off in the legend stay off
    return layout;
  }

  function show(plot, chart) {
    var layout = layoutOf(chart);
    plot.style.height = layout.height + "px";
    return window.Plotly.react(plot, chart.data, layout, {responsive: true, displayModeBar: false});
  }

  function draw(plot) {
    if (drawn.has(plot) || plot.closest("details:not([open])")) { return; } // folded: drawn when that opens
    var source = JSON.parse(document.getElementById(plot.id.replace(/-plot$/, "-data")).textContent);
    var chart = {
      data: source.data, layout: JSON.stringify(source.layout), changes: source.narrow, narrow: plot.clientWidth < NARROW, log: false,
      whole: false, few: source.data.map(function (trace) { return trace.visible; })
    };
    drawn.set(plot, chart);
    show(plot, chart).then(function () {
      // The plot has a name in words; what it is made of would be read letter by letter.
      Array.prototype.forEach.call(plot.children, function (part) { part.setAttribute("aria-hidden", "true"); });
      all("#js-plotly-tester", function (part) { part.setAttribute("aria-hidden", "true"); });
      plot.setAttribute("data-drawn", "true");
    });
  }

  function fit(chart, plot) {
    var narrow = plot.clientWidth < NARROW;
    if (plot.clientWidth && narrow !== chart.narrow) {
      chart.narrow = narrow;
      show(plot, chart);
    }
  }

  // Press a button of a chart: "log" for its upright axis, "whole" for the lines that only the legend switches on otherwise.
  function press(button, what) {
    var plot = document.getElementById(button.getAttribute("data-" + what));
    draw(plot); // pressed before its turn came
    var chart = drawn.get(plot);
    chart[what] = !chart[what];
    button.setAttribute("aria-pressed", String(chart[what]));
    if (what === "whole") {
      chart.data.forEach(function (trace, n) { trace.visible = chart.whole ? true : chart.few[n]; });
    }
    show(plot, chart);
  }

  function all(selector, action) { Array.prototype.forEach.call(document.querySelectorAll(selector), action); }
  function again() { drawn.forEach(function (chart, plot) { show(plot, chart); }); }

  // One chart after another, so that the page can be read and scrolled from the first on.
  function one(waiting) {
    if (waiting.length) {
      draw(waiting.shift());
      setTimeout(one, 0, waiting);
    }
  }

  one(Array.prototype.slice.call(document.querySelectorAll(".plot")));
  ["log", "whole"].forEach(function (what) {
    all("button[data-" + what + "]", function (button) { button.addEventListener("click", function () { press(button, what); }); });
  });
  all("details", function (details) { details.addEventListener("toggle", function () { all(".plot", draw); }); });
  window.addEventListener("resize", function () { drawn.forEach(fit); });
  window.addEventListener("beforeprint", function () {
    all("details", function (details) { details.open = true; });
    all(".plot", draw);
    again();
  });
  window.addEventListener("afterprint", again);
  dark.addEventListener("change", again);
}());
