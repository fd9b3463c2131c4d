// How often the page takes in what has come: in each frame on a fast computer, on a slow one as often as leaves two
// thirds of the time to everything else. A value that waits 33 ms is better than a page that does not scroll.
const SHARE = 3; // from turn to turn, as a multiple of what a turn costs
const FRAME = 8; // ms: half a frame; what is due by then is due now
const LONGEST = 33; // ms: a third of what a value may need from the box to the eye

export class Pace {
  private start = Number.NEGATIVE_INFINITY;
  private cost = 0;

  // How long the next turn must wait.
  wait(now: number): number {
    return this.start + Math.min(LONGEST, this.cost * SHARE - FRAME) - now;
  }

  began(now: number): void {
    this.start = now;
  }

  // The frame of that turn was laid out and painted.
  painted(now: number): void {
    this.cost += (now - this.start - this.cost) / 4;
  }
}
