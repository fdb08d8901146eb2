// What scrolls in its own box gets a tab stop from the theme, which looks again when the window's size changes. What was
// folded had no size until now.
document.addEventListener("toggle", () => window.dispatchEvent(new Event("resize")), true);
