// The fields of the brief as pairs of name and text: what is saved, compared and put back.

const NOT_TYPED = new Set(["csrfmiddlewaretoken", "form_id", "version", "newer_version", "ticket", "go", "template_name", "template_for"]);

export function typedIn(form) {
  return [...new FormData(form)].filter(([name]) => !NOT_TYPED.has(name));
}

export function asText(fields) {
  return JSON.stringify(fields);
}

/** Put the pairs back: what is not among them was empty or not ticked. */
export function putBack(form, fields) {
  const values = new Map();
  for (const [name, value] of fields) values.set(name, [...(values.get(name) ?? []), value]);
  for (const control of form.elements) {
    if (!control.name || NOT_TYPED.has(control.name)) continue;
    const given = values.get(control.name) ?? [];
    if (control.type === "checkbox") control.checked = given.includes(control.value);
    else control.value = given[0] ?? "";
  }
}
