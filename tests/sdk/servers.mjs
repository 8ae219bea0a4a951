// One run of one server SDK for Node: `node servers.mjs SDK URL KEY COUNT [SECONDS]`, from the
// folder where the SDKs are installed. Sends COUNT events named `Order Completed`, evenly over so
// long, and says what it was told.
import { createRequire } from "node:module";

const [sdk, url, key, count, seconds = 0] = process.argv.slice(2);
const from = createRequire(process.cwd() + "/x.js");
const at = (i) => new Date(Date.UTC(2024, 4, 6, 7, 8, 9, i));
const properties = (i) => ({ sdk: `${sdk}-node`, revenue: 9.5, order: i, nested: { list: [1, "zwei", null] } });
const errors = [];
const start = performance.now();
// The numbers of the events, each when it is to be sent.
async function* numbers() {
  for (let i = 0; i < count; ++i) {
    const early = start + (seconds * 1000 * i) / count - performance.now();
    if (early > 0) await new Promise((now) => setTimeout(now, early));
    yield i;
  }
}

const sdks = {
  async segment() {
    const { Analytics } = from("@segment/analytics-node");
    const analytics = new Analytics({ writeKey: key, host: url, flushAt: 50, flushInterval: 200 });
    analytics.on("error", (error) => errors.push(String(error.code)));
    for await (const i of numbers()) {
      analytics.track({ userId: "u1", anonymousId: "a1", event: "Order Completed", properties: properties(i), timestamp: at(i), messageId: `segment-node-${i}` });
    }
    analytics.identify({ userId: "u1", traits: { plan: "pro" } });
    await analytics.closeAndFlush({ timeout: 120_000 });
  },
  async rudder() {
    const module = from("@rudderstack/rudder-sdk-node");
    const client = new (module.default ?? module)(key, { dataPlaneUrl: url, flushAt: 50, flushInterval: 200, maxInternalQueueSize: 20_000 });
    const told = [];
    for await (const i of numbers()) {
      const call = { userId: "u1", event: "Order Completed", properties: properties(i), timestamp: at(i), messageId: `rudder-node-${i}` };
      told.push(new Promise((done) => client.track(call, (error) => done(error && errors.push(String(error))))));
    }
    told.push(new Promise((done) => client.identify({ userId: "u1", traits: { plan: "pro" } }, done)));
    client.flush();
    await Promise.all(told);
  },
  async posthog() {
    const { PostHog } = from("posthog-node");
    const client = new PostHog(key, { host: url, flushAt: 50, flushInterval: 200 });
    client.on("error", (error) => errors.push(String(error)));
    for await (const i of numbers()) {
      client.capture({ distinctId: "u1", event: "Order Completed", properties: properties(i), timestamp: at(i) });
    }
    client.identify({ distinctId: "u1", properties: { plan: "pro" } });
    await client.shutdown(120_000);
  },
  async cloudevents() {
    const { CloudEvent, HTTP, emitterFor, httpTransport, Mode } = from("cloudevents");
    const headers = { "x-api-key": key };
    for await (const i of numbers()) {
      const event = new CloudEvent({ type: "Order Completed", source: "/shop", subject: "o1", id: `ce-node-${i}`, time: at(i).toISOString(), data: { user_id: "u1", ...properties(i) } });
      const mode = i % 2 ? Mode.BINARY : Mode.STRUCTURED;
      await emitterFor(httpTransport(url + "/events"), { mode })(event, { headers });
    }
    void HTTP;
  },
};

await sdks[sdk]();
console.log(JSON.stringify({ errors }));
process.exit(0);
