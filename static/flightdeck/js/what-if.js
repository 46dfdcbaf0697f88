// The what-if panel: a slider beside each number. The number is the field; the slider only moves it, so that keyboard
// and screen reader meet one control and nothing depends on dragging.

function pair(slider) {
  return document.getElementById(slider.dataset.whatIfSlider);
}

function onSlide(event) {
  const slider = event.target;
  if (!slider.matches?.("[data-what-if-slider]")) return;
  event.stopPropagation();
  const field = pair(slider);
  field.value = String(Number(Number(slider.value).toFixed(2)));
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function onType(event) {
  if (!event.target.matches?.("[data-what-if-number]")) return;
  const slider = event.target.closest(".what-if__field").querySelector("[data-what-if-slider]");
  const number = Number(event.target.value.replaceAll(",", ""));
  if (slider && event.target.value !== "" && !Number.isNaN(number)) slider.value = String(number);
}

function setUp(root) {
  for (const slider of root.querySelectorAll("[data-what-if-slider]")) slider.hidden = false;
  for (const button of root.querySelectorAll("[data-what-if] [data-needs-script]")) button.hidden = false;
}

export function wireWhatIf() {
  setUp(document);
  document.addEventListener("input", onSlide, true);
  document.addEventListener("input", onType);
  document.addEventListener("reset", (event) => {
    if (!event.target.matches?.("[data-what-if]")) return;
    setTimeout(() => {
      for (const field of event.target.querySelectorAll("[data-what-if-number]")) {
        field.dispatchEvent(new Event("input", { bubbles: true }));
      }
    });
  });
  document.addEventListener("htmx:load", (event) => setUp(event.target));
}
