// Shows the figure beside the slider while it moves.

const slider = document.getElementById("percent");
slider?.addEventListener("input", () => {
  document.getElementById("percent-shown").textContent = `${slider.value} %`;
});
