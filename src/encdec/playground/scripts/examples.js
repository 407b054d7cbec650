// Buttons with example pictures: a click says which. `element` and `trigger` are what gr.HTML gives to a script.
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-number]");
  if (button) trigger("select", { number: Number(button.dataset.number) });
});
