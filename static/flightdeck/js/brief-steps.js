// Going from step to step without asking the server for a page: every field is in the form already.

const LAST = 6;

export class Steps {
  constructor(form, checker) {
    this.form = form;
    this.checker = checker;
    this.isOn = form.dataset.mode === "steps";
    this.current = Number(form.dataset.step);
  }

  go(step, focus = true) {
    this.current = Math.min(LAST, Math.max(1, step));
    for (const part of this.form.querySelectorAll("[data-brief-part-of]")) part.hidden = Number(part.dataset.briefPartOf) !== this.current;
    this.markAll();
    this.moveButtons();
    const address = new URL(location.href);
    address.searchParams.set("step", this.current);
    history.replaceState(history.state, "", address);
    if (!focus) return;
    const heading = document.getElementById(`part-${this.current}`);
    heading.focus({ preventScroll: true });
    this.form.scrollIntoView({ block: "start" });
  }

  markAll() {
    for (const item of this.form.querySelectorAll("[data-brief-step]")) this.mark(item);
  }

  mark(item) {
    const step = Number(item.dataset.briefStep);
    const wrong = step < this.current && this.checker.wrongSteps.has(step);
    item.dataset.state = step === this.current ? "current" : wrong ? "failed" : step < this.current ? "done" : "todo";
    if (step === this.current) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
  }

  moveButtons() {
    const [back, next, handIn, enter] = ["back", "next", "hand-in", "enter"].map((name) => document.querySelector(`[data-brief-${name}]`));
    back.value = `step-${this.current - 1}`;
    next.value = enter.value = `step-${this.current + 1}`;
    back.hidden = this.current === 1;
    next.hidden = this.current === LAST;
    handIn.hidden = this.current !== LAST;
  }

  /** The step that holds this element is opened, so that a link to a field in it arrives. */
  reveal(element) {
    const part = element?.closest("[data-brief-part-of]");
    if (this.isOn && part?.hidden) this.go(Number(part.dataset.briefPartOf), false);
  }
}
