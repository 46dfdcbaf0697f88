// Going from step to step without asking the server for a page: every field is in the form already. Each step is an
// entry of the browser's history, so that Back leads to the step before with everything that was typed.

const LAST = 6;

export class Steps {
  constructor(form, checker) {
    this.form = form;
    this.checker = checker;
    this.isOn = form.dataset.mode === "steps";
    this.current = Number(form.dataset.step);
    if (this.isOn) window.addEventListener("popstate", () => this.show(stepInAddress()));
  }

  get fields() {
    const part = this.form.querySelector(`[data-brief-part-of="${this.current}"]`);
    return [...new Set([...part.querySelectorAll("[name]")].map((control) => control.name))];
  }

  go(step, focus = true) {
    const before = this.current;
    this.show(step, focus);
    if (this.current === before) return;
    const address = new URL(location.href);
    address.searchParams.set("step", this.current);
    history.pushState(history.state, "", address);
  }

  show(step, focus = true) {
    this.current = Math.min(LAST, Math.max(1, step));
    for (const part of this.form.querySelectorAll("[data-brief-part-of]")) part.hidden = Number(part.dataset.briefPartOf) !== this.current;
    this.markAll();
    this.moveButtons();
    if (!focus) return;
    const heading = document.getElementById(`part-${this.current}`);
    heading.focus({ preventScroll: true });
    this.form.scrollIntoView({ block: "start" });
  }

  /** To the next step, if what this one shows holds. Where nobody can say, it is judged at the end. */
  async advance(saved) {
    const step = this.current;
    const holds = this.checker.holds(this.fields, step);
    await saved;
    const goesOn = await holds;
    if (this.current !== step) return; // the person has gone elsewhere meanwhile
    if (goesOn) {
      this.go(step + 1);
      return;
    }
    this.form.querySelector(`[data-brief-part-of="${step}"] [aria-invalid=true], [data-brief-part-of="${step}"] fieldset[aria-describedby]:has(.field__errors) :is(input, select)`)?.focus();
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
    next.value = `continue-${this.current}`;
    enter.value = this.current === LAST ? `step-${LAST}` : next.value;
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

function stepInAddress() {
  return Number(new URLSearchParams(location.search).get("step")) || 1;
}
