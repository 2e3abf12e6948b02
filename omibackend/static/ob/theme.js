/* Outside the admin: its theme if one was chosen there, else the system's. Before the first paint. */
"use strict";

(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const put = () => {
    const chosen = (localStorage.getItem("adminTheme") ?? "auto").replaceAll('"', "");
    const dark = chosen === "dark" || (chosen !== "light" && system.matches);
    document.documentElement.classList.toggle("dark", dark);
  };
  put();
  system.addEventListener("change", put);
})();
