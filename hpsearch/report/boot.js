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
    if (drawn.has(plot) || plot.clientWidth === 0) { return; } // inside a closed <details>: drawn when that opens
    var source = JSON.parse(document.getElementById(plot.id.replace(/-plot$/, "-data")).textContent);
    var chart = {
      data: source.data, layout: JSON.stringify(source.layout), changes: source.narrow, narrow: plot.clientWidth < NARROW, log: false
    };
    drawn.set(plot, chart);
    show(plot, chart).then(function () { plot.setAttribute("data-drawn", "true"); });
  }

  function fit(chart, plot) {
    var narrow = plot.clientWidth < NARROW;
    if (plot.clientWidth && narrow !== chart.narrow) {
      chart.narrow = narrow;
      show(plot, chart);
    }
  }

  function toggle(button) {
    var plot = document.getElementById(button.getAttribute("data-log"));
    draw(plot); // pressed before its turn came
    var chart = drawn.get(plot);
    chart.log = !chart.log;
    button.setAttribute("aria-pressed", String(chart.log));
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
  all("button[data-log]", function (button) { button.addEventListener("click", function () { toggle(button); }); });
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
