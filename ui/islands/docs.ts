// The API's description, to read and to try: Swagger UI, served from here like everything else.
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import "../styles/docs.css";

const dark = window.matchMedia("(prefers-color-scheme: dark)");

// Swagger UI knows the theme by a class of its own.
function follow(): void {
  const chosen = document.documentElement.dataset["theme"];
  document.documentElement.classList.toggle("dark-mode", chosen ? chosen === "dark" : dark.matches);
}

new MutationObserver(follow).observe(document.documentElement, { attributeFilter: ["data-theme"] });
dark.addEventListener("change", follow);
follow();

SwaggerUI({ url: "/openapi.json", dom_id: "#api", deepLinking: true, defaultModelsExpandDepth: 0 });
