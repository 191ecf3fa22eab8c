() => {
  // What Gradio leaves out of the page. It adds the parts one by one, so look again whenever some have come.
  const complete = () => {
    // A screen reader announces the answer, and how far to trust a model that is chosen.
    for (const told of document.querySelectorAll("#trust, #said")) {
      told.setAttribute("role", "status");
      told.setAttribute("aria-live", "polite");
    }
    // The arrow keys choose a model.
    for (const model of document.querySelectorAll("#model")) {
      model.setAttribute("role", "radiogroup");
      model.setAttribute("aria-label", model.querySelector(":scope > span").innerText);
      model.querySelectorAll("input").forEach((choice) => { choice.name = "model"; });
    }
  };
  new MutationObserver(complete).observe(document.body, { childList: true, subtree: true });
  complete();
}
