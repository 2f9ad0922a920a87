// The night: the envelope of each channel under the hypnogram, and a click that opens an epoch.

const HEIGHT = 44;

class NightChart extends HTMLElement {
  connectedCallback() {
    this.epochs = Number(this.dataset.epochs);
    for (const plot of this.querySelectorAll("[data-plot]")) this.listen(plot);
    this.follow = () => this.mark();
    document.body.addEventListener("htmx:afterSwap", this.follow);
    if (this.dataset.signal) this.load();
  }

  disconnectedCallback() {
    document.body.removeEventListener("htmx:afterSwap", this.follow);
    this.watcher?.disconnect();
  }

  listen(plot) {
    plot.addEventListener("click", (event) => {
      const box = plot.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      this.open(Math.min(this.epochs - 1, Math.max(0, Math.floor(share * this.epochs))));
    });
  }

  open(epoch) {
    const url = this.dataset.url.replace(/\/0\/$/, `/${epoch}/`);
    window.htmx.ajax("GET", url, { target: "#epoch", swap: "innerHTML" });
  }

  mark() {
    const epoch = document.querySelector("#epoch [data-epoch]")?.dataset.epoch;
    if (epoch === undefined) return;
    for (const plot of this.querySelectorAll("svg[data-plot]")) {
      let line = plot.querySelector(".cursor");
      if (!line) {
        line = document.createElementNS("http://www.w3.org/2000/svg", "line");
        line.setAttribute("class", "cursor");
        line.setAttribute("y1", "0");
        line.setAttribute("y2", "100");
        plot.append(line);
      }
      line.setAttribute("x1", Number(epoch) + 0.5);
      line.setAttribute("x2", Number(epoch) + 0.5);
    }
  }

  async load() {
    const answer = await fetch(this.dataset.signal);
    if (!answer.ok) return;
    const signal = await answer.json();
    const rows = signal.channels.map((channel) => this.row(channel));
    this.querySelector("[data-signals]").replaceChildren(...rows.map((row) => row.element));
    const draw = () => rows.forEach((row) => row.draw());
    this.watcher = new ResizeObserver(draw);
    this.watcher.observe(this);
  }

  row(channel) {
    const element = document.createElement("div");
    element.className = "night-row";
    const label = Object.assign(document.createElement("span"), { className: "night-labels small quiet", textContent: channel.label });
    const canvas = document.createElement("canvas");
    canvas.className = "envelope";
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${channel.label} (${channel.unit})`);
    element.append(label, canvas);
    this.listen(canvas);
    return { element, draw: () => drawEnvelope(canvas, channel) };
  }
}

// Clipped at the 98th percentile, so that one movement does not flatten the night.
function drawEnvelope(canvas, { min, max }) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  if (!width) return;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  const sizes = max.map((high, i) => Math.max(Math.abs(high), Math.abs(min[i]))).sort((a, b) => a - b);
  const scale = sizes[Math.floor(sizes.length * 0.98)] || 1;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.strokeStyle = getComputedStyle(canvas).color;
  pen.beginPath();
  const y = (value) => HEIGHT / 2 - (Math.max(-1, Math.min(1, value / scale)) * HEIGHT) / 2;
  for (let i = 0; i < min.length; i += 1) {
    const x = ((i + 0.5) / min.length) * width;
    pen.moveTo(x, y(min[i]));
    pen.lineTo(x, Math.min(y(max[i]), y(min[i]) - 0.5));
  }
  pen.stroke();
}

customElements.define("night-chart", NightChart);
