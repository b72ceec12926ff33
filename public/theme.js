// Runs before the first paint, so that a chosen theme does not flash and what needs JavaScript is not shown without it.
const root = document.documentElement;
root.classList.add("js");
try {
  const theme = localStorage.getItem("dim-theme");
  if (theme === "light" || theme === "dark") root.setAttribute("data-theme", theme);
} catch {
  // Storage is forbidden: the system's theme is used.
}
