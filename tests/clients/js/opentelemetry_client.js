// Two spans made by OpenTelemetry's SDK for JavaScript, through the exporter that is named.
// node opentelemetry_client.js EXPORTER HOST:PORT SERVICE
import { SpanKind, SpanStatusCode, context, trace } from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { TracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace";

const exporters = {
  "otlp-json": async (where) => {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
    return new OTLPTraceExporter({ url: `http://${where}/v1/traces` });
  },
  "otlp-proto": async (where) => {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
    return new OTLPTraceExporter({ url: `http://${where}/v1/traces`, compression: "gzip" });
  },
  "otlp-grpc": async (where) => {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-grpc");
    return new OTLPTraceExporter({ url: `http://${where}` });
  },
  zipkin: async (where) => {
    const { ZipkinExporter } = await import("@opentelemetry/exporter-zipkin");
    return new ZipkinExporter({ url: `http://${where}/api/v2/spans` });
  },
  jaeger: async (where) => {
    const { JaegerExporter } = await import("@opentelemetry/exporter-jaeger");
    return new JaegerExporter({ endpoint: `http://${where}/api/traces` });
  },
};

const [name, where, service] = process.argv.slice(2);
const memory = new InMemorySpanExporter();
const provider = new TracerProvider({
  resource: resourceFromAttributes({ "service.name": service }),
  spanProcessors: [new SimpleSpanProcessor({ exporter: memory })],
});
const tracer = provider.getTracer("client", "1.0");
const parent = tracer.startSpan("get /cart", { kind: SpanKind.SERVER });
parent.setAttributes({ "http.route": "/cart", items: 3, greeting: "grüße" });
parent.addEvent("cache miss", { key: "cart-7" });
const child = tracer.startSpan("select", { kind: SpanKind.CLIENT }, trace.setSpan(context.active(), parent));
child.setStatus({ code: SpanStatusCode.ERROR, message: "no connection" });
child.end();
parent.end();

const exporter = await exporters[name](where);
const result = await new Promise((resolve) => exporter.export(memory.getFinishedSpans(), resolve));
await exporter.shutdown();
if (result.code !== 0) {
  console.error(`${name} did not succeed: ${result.error}`);
  process.exitCode = 1;
}
