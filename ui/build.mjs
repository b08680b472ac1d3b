// Bundles the islands and the styles into the package.
import { readFile } from "node:fs/promises";
import { build } from "esbuild";

// Swagger UI believes to be the whole page; ours has its `main` already, and a page has one.
const oneMain = {
  name: "one-main",
  setup: (building) =>
    building.onLoad({ filter: /swagger-ui-es-bundle\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replaceAll('createElement("main",', 'createElement("div",'),
    })),
};

await build({
  entryPoints: ["islands/theme.ts", "islands/page.ts", "islands/search.ts", "islands/trace.ts", "islands/docs.ts", "styles/spanloom.css"],
  outdir: "spanloom_ui/static/built",
  entryNames: "[name]",
  bundle: true,
  plugins: [oneMain],
  minify: true,
  format: "iife",
  // The styles need light-dark() anyway, which these have had since 2024.
  target: ["chrome123", "firefox120", "safari17.5"],
  logLevel: "warning",
});
