// Tables that must be scrolled can be reached by the keyboard; the many others are no stops on its way.
(() => {
  const scrolls = new Map();
  const watch = new ResizeObserver(() => {
    for (const [scroll, told] of scrolls) {
      const needed = scroll.scrollWidth > scroll.clientWidth;
      for (const { name, value } of told) needed ? scroll.setAttribute(name, value) : scroll.removeAttribute(name);
    }
  });
  for (const scroll of document.querySelectorAll(".scroll")) {
    scrolls.set(scroll, [...scroll.attributes].filter(({ name }) => name !== "class"));
    watch.observe(scroll.firstElementChild);
    watch.observe(scroll);
  }
})();

// Marks of figures tell their figures when pointed at, tapped, or reached by the arrow keys. Without this script the
// browser shows the same words by itself, from <title>.
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  const help = document.createElement("p");
  help.className = "hidden";
  help.id = "tip-help";
  help.textContent = "Arrow keys read the figures of its marks.";
  document.querySelector("main").append(help, tip);
  let on = null;

  const show = (mark, x, y) => {
    if (mark === on) return;
    on?.classList.remove("on");
    on = mark;
    tip.textContent = mark ? mark.dataset.tip : "";
    if (!mark) return;
    mark.classList.add("on");
    const box = mark.getBoundingClientRect();
    x ??= box.left + box.width / 2;
    y ??= box.top;
    const left = Math.min(Math.max(8, x - tip.offsetWidth / 2), document.documentElement.clientWidth - tip.offsetWidth - 8);
    const above = y - tip.offsetHeight - 14;
    tip.style.transform = `translate(${left + scrollX}px, ${(above < 4 ? y + 18 : above) + scrollY}px)`;
  };

  // The mark below the pointer, or the nearest within a finger's breadth.
  const near = (plate, x, y) => {
    for (const radius of [0, 4, 8, 12]) {
      for (let i = 0; i < (radius ? 8 : 1); i++) {
        const at = document.elementsFromPoint(x + radius * Math.cos(i * 0.7854), y + radius * Math.sin(i * 0.7854));
        const mark = at.map((one) => one.closest("[data-tip]")).find((one) => one && plate.contains(one));
        if (mark) return mark;
      }
    }
    return null;
  };

  for (const plate of document.querySelectorAll(".plate")) {
    const marks = [...plate.querySelectorAll("title")].map((title) => {
      const mark = title.parentNode;
      mark.dataset.tip = title.textContent;
      title.remove();
      return mark;
    });
    if (!marks.length) continue;
    plate.tabIndex = 0;
    plate.setAttribute("aria-describedby", help.id);
    let place = -1;
    for (const kind of ["pointermove", "pointerdown"]) {
      plate.addEventListener(kind, (event) => show(near(plate, event.clientX, event.clientY), event.clientX, event.clientY));
    }
    plate.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && show(null));
    plate.addEventListener("blur", () => show(null));
    plate.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) place = (place + step + marks.length) % marks.length;
      else if (event.key === "Home") place = 0;
      else if (event.key === "End") place = marks.length - 1;
      else return;
      event.preventDefault();
      show(marks[place]);
    });
  }
  document.addEventListener("keydown", (event) => event.key === "Escape" && show(null));
  document.addEventListener("pointerdown", (event) => event.target.closest(".plate") || show(null));
})();
