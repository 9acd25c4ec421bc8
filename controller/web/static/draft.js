// A draft survives a reload, a lost log-in and a wrong tap. It stays in this tab and goes with it.

export class Draft {
  constructor(form) {
    this.form = form;
    this.key = `draft-${form.dataset.person}`;
  }

  save(more) {
    const values = [...this.form.elements]
      .filter((field) => field.name && !["file", "submit", "button", "fieldset"].includes(field.type))
      .map((field) => ({ name: field.name, value: field.value, checked: field.checked }));
    sessionStorage.setItem(this.key, JSON.stringify({ values, ...more }));
  }

  restore() {
    const saved = sessionStorage.getItem(this.key);
    if (saved === null) {
      return null;
    }
    const draft = JSON.parse(saved);
    const fields = [...this.form.elements];
    const times = draft.values.filter(({ name }) => name === "time");
    const first = this.form.querySelector("[name=time]");
    times.forEach(({ value }, index) => {
      const field = index === 0 ? first : first.parentElement.appendChild(first.cloneNode());
      field.value = value;
    });
    for (const { name, value, checked } of draft.values) {
      const field = fields.find((each) => each.name === name && (!["checkbox", "radio"].includes(each.type) || each.value === value));
      if (!field || name === "time") {
        continue;
      }
      if (["checkbox", "radio"].includes(field.type)) {
        field.checked = checked;
      } else {
        field.value = value;
      }
    }
    return draft;
  }

  forget() {
    sessionStorage.removeItem(this.key);
  }
}
