// Two spans made by Zipkin's library for JavaScript, in the encoding that is named.
// node zipkin_client.js ENCODING HOST:PORT SERVICE
import zipkin from "zipkin";
import transport from "zipkin-transport-http";

const { Annotation, BatchRecorder, ExplicitContext, Tracer, jsonEncoder } = zipkin;
const [name, where, service] = process.argv.slice(2);
const failed = [];
const logger = new transport.HttpLogger({
  endpoint: `http://${where}/api/${name.toLowerCase().replace("json_", "")}/spans`,
  jsonEncoder: jsonEncoder[name],
  httpInterval: 50,
  log: { error: (message) => failed.push(message) },
});
logger.on("error", (error) => failed.push(error));
const tracer = new Tracer({
  ctxImpl: new ExplicitContext(),
  recorder: new BatchRecorder({ logger }),
  localServiceName: service,
  traceId128Bit: true,
});
tracer.scoped(() => {
  const parent = tracer.createRootId();
  tracer.setId(parent);
  tracer.recordAnnotation(new Annotation.ServerRecv());
  tracer.recordServiceName(service);
  tracer.recordRpc("get /cart");
  for (const [key, value] of [["http.route", "/cart"], ["items", "3"], ["greeting", "grüße"]]) {
    tracer.recordBinary(key, value);
  }
  tracer.recordMessage("cache miss");
  tracer.letId(tracer.createChildId(), () => {
    tracer.recordAnnotation(new Annotation.ClientSend());
    tracer.recordServiceName(service);
    tracer.recordRpc("select");
    tracer.recordBinary("error", "no connection");
    tracer.recordAnnotation(new Annotation.ClientRecv());
  });
  tracer.setId(parent);
  tracer.recordAnnotation(new Annotation.ServerSend());
});
setTimeout(() => {
  if (failed.length) console.error(failed.map(String).join("\n"));
  process.exit(failed.length ? 1 : 0);
}, 500);
