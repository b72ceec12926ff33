// Runs before the first paint, so that a chosen theme does not flash. Without a choice the system's is used.
try {
  const theme = localStorage.getItem("dim-theme");
  if (theme === "light" || theme === "dark") document.documentElement.setAttribute("data-theme", theme);
} catch {
  // Storage is forbidden: the system's theme is used.
}
