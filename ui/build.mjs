// Bundles the islands and the styles into the package.
import { build } from "esbuild";

await build({
  entryPoints: ["islands/theme.ts", "islands/page.ts", "islands/search.ts", "islands/trace.ts", "islands/docs.ts", "styles/spanloom.css"],
  outdir: "spanloom_ui/static/built",
  entryNames: "[name]",
  bundle: true,
  minify: true,
  format: "iife",
  // The styles need light-dark() anyway, which these have had since 2024.
  target: ["chrome123", "firefox120", "safari17.5"],
  logLevel: "warning",
});
