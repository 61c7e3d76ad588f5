// The widget of a notebook: the page in a frame of its own, and what is selected in it told to Python.
export default {
  render({ model, el }) {
    const frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts");
    frame.title = model.get("title");
    frame.style.cssText = `width:100%;height:${model.get("height")}px;border:1px solid #8888;border-radius:6px`;
    const hear = (event) => {
      if (event.source !== frame.contentWindow || event.data?.wengert !== "selection") return;
      model.set("nodes", event.data.nodes);
      model.set("step", event.data.step);
      model.save_changes();
    };
    addEventListener("message", hear);
    frame.srcdoc = model.get("page");
    el.append(frame);
    return () => removeEventListener("message", hear);
  },
};
