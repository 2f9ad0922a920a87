// The draft of a night and what was found about it: nothing here changes while it is scored.

export class Night {
  constructor(data, index) {
    Object.assign(this, data);
    this.epochs = data.stages.length;
    this.length = Math.max(this.epochs * this.seconds, index?.seconds ?? 0);
    this.begun = data.start ? new Date(`${data.start}${/Z|[+-]\d\d:?\d\d$/.test(data.start) ? "" : "Z"}`) : null;
    this.gaps = gaps(index, data, this.length);
    this.quality = new Map((index?.quality ?? []).map(({ trace, epochs }) => [trace, epochs]));
    this.doubtful = new Set(data.uncertain);
  }

  // The clock of the recording; hours since its start where that is unknown.
  clock(seconds) {
    const moment = new Date((this.begun?.getTime() ?? 0) + Math.round(seconds) * 1000);
    return moment.toISOString().slice(11, 19);
  }

  clamp(epoch) {
    return Math.max(0, Math.min(this.epochs - 1, epoch));
  }

  chance(epoch, stage) {
    const row = this.probabilities[epoch];
    const at = ["W", "N1", "N2", "N3", "R"].indexOf(stage);
    return row && at >= 0 ? row[at] : null;
  }

  // The nearest uncertain epoch behind or before one; around the end it begins again.
  doubtfulFrom(epoch, seen) {
    const order = Array.from({ length: this.epochs }, (_, i) => (epoch + 1 + i) % this.epochs);
    return order.find((at) => this.doubtful.has(at) && !seen.has(at)) ?? order.find((at) => this.doubtful.has(at));
  }

  transitionFrom(epoch, direction, stages) {
    let at = epoch;
    while (stages[at + direction] !== undefined && stages[at + direction] === stages[epoch]) at += direction;
    return this.clamp(at + direction);
  }

  qualityAt(epoch) {
    return [...new Set(this.poor.filter(([first, count]) => epoch >= first && epoch < first + count).map(([, , reason]) => reason))];
  }
}

function gaps(index, { segments, seconds }, length) {
  const stretches = index?.segments?.length
    ? index.segments.map(({ onset_s: onset, records }) => [onset, onset + records * index.record_seconds])
    : segments.map(([first, count]) => [first * seconds, (first + count) * seconds]);
  const found = [];
  let at = 0;
  for (const [from, to] of stretches) {
    if (from > at) found.push([at, from]);
    at = Math.max(at, to);
  }
  if (at < length) found.push([at, length]);
  return found;
}
