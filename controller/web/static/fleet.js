// A mark on the map leads to its gateway; with the keyboard one uses the table below, which says the same.

document.addEventListener("click", (event) => {
  const mark = event.target.closest("[data-href]");
  if (mark) {
    location.assign(mark.dataset.href);
  }
});
