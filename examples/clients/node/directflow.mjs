// A client from our protos, loaded as they are, and what our errors carry.
import { fileURLToPath } from "node:url";

import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import protobuf from "protobufjs";

const PROTOS = fileURLToPath(new URL("../../../protos", import.meta.url));
const API = loader.loadSync(
  ["directflow/segments/v1/audience_service.proto", "directflow/conditions/v1/evaluation_service.proto"],
  // Longs as strings: they are ids. The directories hold our protos, and the google/api files that they import.
  { includeDirs: [PROTOS, `${PROTOS}/third_party`], longs: String, enums: String, defaults: true, oneofs: true },
);
const root = grpc.loadPackageDefinition(API);

const DETAILS = "grpc-status-details-bin";
/** What of google/rpc our errors use. */
const RPC = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message RequestInfo { string request_id = 1; string serving_data = 2; }
`).root;

/** A stub, and promises for its unary methods. `service` is the full name. */
export function connect(service, address) {
  const Stub = service.split(".").reduce((scope, part) => scope[part], root);
  // In production: grpc.credentials.createSsl with the client certificate that names this service.
  const stub = new Stub(address, grpc.credentials.createInsecure());
  const unary = (method, request, options) =>
    new Promise((resolve, reject) => {
      stub[method](request, options, (error, response) => (error ? reject(error) : resolve(response)));
    });
  return { stub, unary };
}

/** The code, the stable reason, and the id that leads to the trace. */
export function explained(error) {
  if (error.code === undefined || !error.metadata) return error.stack ?? error.message;
  const [bytes] = error.metadata.get(DETAILS);
  const details = bytes ? decoded("google.rpc.Status", bytes).details : [];
  const info = detail(details, "google.rpc.ErrorInfo");
  const request = detail(details, "google.rpc.RequestInfo");
  const reason = info ? `${info.domain} ${info.reason}` : "no reason";
  return `${grpc.status[error.code]}: ${error.details} (${reason}, request ${request?.requestId ?? "unknown"})`;
}

function detail(details, type) {
  const found = details.find(({ typeUrl }) => typeUrl.endsWith(`/${type}`));
  return found && decoded(type, found.value);
}

function decoded(type, bytes) {
  return RPC.lookupType(type).decode(bytes);
}
