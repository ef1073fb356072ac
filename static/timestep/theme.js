// Sets the theme before the first paint. "system" follows the machine.
(() => {
  "use strict";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const order = ["system", "light", "dark"];

  const chosen = () => {
    try {
      return localStorage.getItem("timestep-theme") || "system";
    } catch {
      return "system"; // storage is blocked: follow the machine
    }
  };
  const apply = () => {
    const choice = chosen();
    root.dataset.themeChoice = choice;
    root.dataset.bsTheme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
  };

  // Only the browser knows its zone: filters read the times that are typed in it.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `timestep-zone=${zone}; path=/; max-age=31536000; samesite=lax`;

  root.classList.add("js");
  apply();
  dark.addEventListener("change", apply);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    const next = order[(order.indexOf(chosen()) + 1) % order.length];
    try {
      localStorage.setItem("timestep-theme", next);
    } catch {
      return;
    }
    apply();
  });
})();
