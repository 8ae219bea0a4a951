// One run of one browser SDK in real Chromium: `node browser.mjs SDK URL KEY`, from the folder
// where the SDKs are installed. A page of another origin loads the SDK as published, sends, and is
// left, so that the last event goes by beacon. Says what the browser asked of the server.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [sdk, url, key] = process.argv.slice(2);
const from = createRequire(process.cwd() + "/x.js");
const puppeteer = from("puppeteer-core");
const origin = (port) => `http://localhost:${port}`; // The server is at 127.0.0.1: another site.

const pages = {
  segment: {
    files: { "/sdk.js": "@segment/analytics-next/dist/umd/index.js" },
    folder: "@segment/analytics-next/dist/umd",
    html: `<script src="/sdk.js"></script><script>
      const analytics = window.AnalyticsNext.AnalyticsBrowser.load({ writeKey: KEY, cdnURL: URL_ }, { disableClientPersistence: true });
      (async () => {
        await analytics.identify("u1", { plan: "pro" });
        await analytics.page("Home", { section: "top" });
        await analytics.track("Order Completed", { revenue: 9.5, nested: { list: [1, "zwei"] } });
        window.sent = true;
      })();
      addEventListener("pagehide", () => { analytics.track("Left", { last: true }); });
    </script>`,
  },
  rudder: {
    files: { "/sdk.js": "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js" },
    html: `<script src="/sdk.js"></script><script>
      const analytics = new window.rudderanalytics.RudderAnalytics();
      analytics.load(KEY, URL_, { configUrl: URL_, useBeacon: BEACON, beaconQueueOptions: { maxItems: 10, flushQueueInterval: 60000 }, logLevel: "ERROR", sendAdblockPage: false });
      analytics.ready(() => {
        analytics.identify("u1", { plan: "pro" });
        analytics.page("Home", { section: "top" });
        analytics.track("Order Completed", { revenue: 9.5, nested: { list: [1, "zwei"] } }, () => { window.sent = true; });
        if (BEACON) window.sent = true;
      });
      addEventListener("pagehide", () => { if (BEACON) analytics.track("Left", { last: true }); });
    </script>`,
  },
  posthog: {
    files: { "/sdk.js": "posthog-js/dist/module.full.no-external.js" },
    html: `<script type="module">
      import posthog from "/sdk.js";
      posthog.init(KEY, { api_host: URL_, autocapture: false, capture_pageview: true, capture_pageleave: true, persistence: "memory", request_batching: true, opt_out_useragent_filter: true, disable_session_recording: true, disable_surveys: true });
      posthog.identify("u1", { plan: "pro" });
      posthog.capture("Order Completed", { revenue: 9.5, nested: { list: [1, "zwei"] } }, { send_instantly: true });
      window.sent = true;
    </script>`,
  },
};

const beacon = sdk === "rudder-beacon";
const page = pages[beacon ? "rudder" : sdk];
const html = page.html.replaceAll("KEY", JSON.stringify(key)).replaceAll("URL_", JSON.stringify(url)).replaceAll("BEACON", String(beacon));
const site = createServer((request, response) => {
  const path = request.url.split("?")[0];
  const file = page.files[path] ?? (page.folder && path.endsWith(".js") ? page.folder + path : null);
  if (file) {
    response.setHeader("Content-Type", "text/javascript");
    return response.end(readFileSync("node_modules/" + file));
  }
  response.setHeader("Content-Type", "text/html");
  response.end(path === "/away" ? "<title>Away</title>" : `<title>Shop</title>${html}`);
}).listen(0, "127.0.0.1");
await new Promise((done) => site.once("listening", done));

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--host-resolver-rules=MAP localhost 127.0.0.1", "--disable-features=HttpsUpgrades"],
});
const asked = [];
const said = [];
try {
  const tab = await browser.newPage();
  const session = await tab.createCDPSession();
  await session.send("Network.enable");
  const methods = new Map();
  session.on("Network.requestWillBeSent", ({ requestId, request, type }) => {
    if (request.url.startsWith(url)) methods.set(requestId, `${request.method} ${new URL(request.url).pathname} ${type}`);
  });
  session.on("Network.responseReceived", ({ requestId, response }) => {
    if (methods.has(requestId)) asked.push(`${methods.get(requestId)} ${response.status}`);
  });
  tab.on("console", (message) => said.push(message.text()));
  tab.on("pageerror", (error) => said.push(String(error)));
  await tab.goto(`${origin(site.address().port)}/shop?utm_source=mail&utm_campaign=spring`);
  await tab.waitForFunction("window.sent === true", { timeout: 60_000 });
  await tab.waitForNetworkIdle({ idleTime: 700, timeout: 60_000 });
  await tab.goto(`${origin(site.address().port)}/away`);
  await tab.waitForNetworkIdle({ idleTime: 700, timeout: 60_000 });
} finally {
  await browser.close();
  site.close();
}
console.log(JSON.stringify({ asked, said }));
process.exit(0);
