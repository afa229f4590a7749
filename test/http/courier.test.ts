/**
 * The courier: signatures as Standard Webhooks 1.0 says, nowhere but public addresses, and bounds on whoever answers.
 */
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect } from "chai";
import { createCourier, sign } from "../../src/http/courier.ts";
import { isPublicAddress } from "../../src/http/public-address.ts";

const secret = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;
const clock = { now: () => 1_800_000_000_999 };

/** The check a receiver makes, written out from the specification. */
function verify(headers: IncomingMessage["headers"], body: string): boolean {
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  return headers["webhook-signature"] === `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
}

describe("http/public-address", () => {
  const table: readonly (readonly [string, boolean])[] = [
    ["93.184.216.34", true],
    ["8.8.8.8", true],
    ["172.15.255.255", true],
    ["172.32.0.0", true],
    ["100.63.255.255", true],
    ["100.128.0.0", true],
    ["223.255.255.255", true],
    ["0.0.0.0", false],
    ["10.0.0.1", false],
    ["100.64.0.0", false],
    ["100.127.255.255", false],
    ["127.0.0.1", false],
    ["127.255.255.254", false],
    ["169.254.169.254", false],
    ["172.16.0.0", false],
    ["172.31.255.255", false],
    ["192.0.0.1", false],
    ["192.0.2.1", false],
    ["192.88.99.1", false],
    ["192.168.1.1", false],
    ["198.18.0.1", false],
    ["198.19.255.255", false],
    ["198.51.100.1", false],
    ["203.0.113.1", false],
    ["224.0.0.1", false],
    ["239.255.255.255", false],
    ["240.0.0.1", false],
    ["255.255.255.255", false],
    ["2606:2800:220:1:248:1893:25c8:1946", true],
    ["2a00::1", true],
    ["::", false],
    ["::1", false],
    ["::7f00:1", false],
    ["::ffff:127.0.0.1", false],
    ["::ffff:8.8.8.8", false],
    ["::ffff:a00:1", false],
    ["64:ff9b::a00:1", false],
    ["100::1", false],
    ["fc00::1", false],
    ["fd12:3456::1", false],
    ["fe80::1", false],
    ["fec0::1", false],
    ["ff02::1", false],
    ["2001::1", false],
    ["2001:db8::1", false],
    ["2002:a00:1::1", false],
    ["3fff::1", false],
    ["localhost", false],
    ["", false],
    ["1.2.3", false],
  ];
  for (const [address, expected] of table) {
    it(`${address === "" ? "nothing" : address} is ${expected ? "" : "not "}public`, () => {
      expect(isPublicAddress(address)).to.equal(expected);
    });
  }
});

describe("http/courier", () => {
  describe("sign", () => {
    it("gives what the specification's own example gives", () => {
      // The example of the Standard Webhooks reference libraries.
      const body = '{"test": 2432232314}';
      const given = { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp: 1614265330, body };
      expect(sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", given)).to.equal(
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
      );
    });
  });

  describe("refuse", () => {
    const courier = createCourier({
      devnet: false,
      clock,
      async resolve(host) {
        if (host === "good.example") return ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"];
        if (host === "mixed.example") return ["93.184.216.34", "10.0.0.1"];
        if (host === "inside.example") return ["192.168.0.1"];
        throw new Error("unknown");
      },
    });
    const table: readonly (readonly [string, string | null])[] = [
      ["https://good.example/hook?token=1", null],
      ["https://good.example:8443/", null],
      ["https://93.184.216.34/", null],
      ["http://good.example/", "https_only"],
      ["ftp://good.example/", "https_only"],
      ["file:///etc/passwd", "https_only"],
      ["good.example", "url_malformed"],
      ["https://", "url_malformed"],
      ["https://user:secret@good.example/", "url_malformed"],
      ["https://good.example/#part", "url_malformed"],
      [`https://good.example/${"x".repeat(1_000)}`, "url_malformed"],
      ["https://mixed.example/", "address_not_public"],
      ["https://inside.example/", "address_not_public"],
      ["https://nowhere.example/", "name_unknown"],
      ["https://127.0.0.1/", "address_not_public"],
      ["https://127.1/", "address_not_public"],
      ["https://2130706433/", "address_not_public"],
      ["https://0x7f.0.0.1/", "address_not_public"],
      ["https://0177.0.0.1/", "address_not_public"],
      ["https://169.254.169.254/latest/meta-data", "address_not_public"],
      ["https://[::1]/", "address_not_public"],
      ["https://[::ffff:10.0.0.1]/", "address_not_public"],
      ["https://[fd00::1]:444/", "address_not_public"],
      ["https://localhost/", "name_unknown"],
    ];
    for (const [url, expected] of table) {
      it(`${url.slice(0, 60)}: ${expected ?? "may be called"}`, async () => {
        expect(await courier.refuse(url)).to.equal(expected);
      });
    }

    it("allows a devnet its own machine and plain HTTP, and nothing that is no URL", async () => {
      const own = createCourier({ devnet: true, clock });
      expect(await own.refuse("http://127.0.0.1:9/")).to.equal(null);
      expect(await own.refuse("http://localhost:9/")).to.equal(null);
      expect(await own.refuse("http://a:b@127.0.0.1/")).to.equal("url_malformed");
      expect(await own.refuse("ftp://127.0.0.1/")).to.equal("https_only");
    });
  });

  describe("carry", () => {
    let server: Server;
    let url: string;
    let answer: (request: IncomingMessage, response: ServerResponse) => void;
    const requests: { headers: IncomingMessage["headers"]; body: string; path: string }[] = [];
    const sockets = new Set<Socket>();

    beforeEach(async () => {
      requests.length = 0;
      answer = (_request, response) => response.writeHead(204).end();
      server = createServer((request, response) => {
        let body = "";
        request.setEncoding("utf8").on("data", (part: string) => (body += part));
        request.on("end", () => {
          requests.push({ headers: request.headers, body, path: request.url ?? "" });
          answer(request, response);
        });
      });
      server.on("connection", (socket) => sockets.add(socket));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?a=1`;
    });
    afterEach(async () => {
      for (const socket of sockets) socket.destroy();
      sockets.clear();
      await new Promise((resolve) => server.close(resolve));
    });

    const devnet = () => createCourier({ devnet: true, clock, timeoutMs: 500 });
    const parcel = (changes: object = {}) => ({ url, secret, id: "evt_1_7", body: '{"é":1}', ...changes });

    it("posts the body signed, with its id and the wall clock's seconds", async () => {
      expect(await devnet().carry(parcel())).to.deep.equal({ ok: true });
      const [request] = requests;
      expect(request?.path).to.equal("/hook?a=1");
      expect(request?.body).to.equal('{"é":1}');
      expect(request?.headers).to.deep.include({
        "content-type": "application/json",
        "webhook-id": "evt_1_7",
        "webhook-timestamp": "1800000000",
      });
      expect(verify(request?.headers ?? {}, request?.body ?? "")).to.equal(true);
      expect(verify(request?.headers ?? {}, '{"é":2}'), "another body").to.equal(false);
    });

    for (const [status, gone] of [
      [301, false],
      [302, false],
      [400, false],
      [404, false],
      [410, true],
      [429, false],
      [500, false],
    ] as const) {
      it(`takes ${status} for a failure and follows nothing`, async () => {
        answer = (_request, response) => response.writeHead(status, { location: "/elsewhere" }).end();
        expect(await devnet().carry(parcel())).to.deep.equal({ ok: false, why: `status ${status}`, gone });
        expect(requests).to.have.length(1);
      });
    }

    it("gives up on whoever does not answer in time", async () => {
      answer = () => undefined;
      expect(await devnet().carry(parcel())).to.deep.equal({ ok: false, why: "timeout", gone: false });
    });

    it("reads little of an endless answer, and takes its status", async () => {
      let written = 0;
      answer = (_request, response) => {
        response.writeHead(200);
        const write = (): void => {
          if (response.destroyed) return;
          written += 1_024;
          response.write("x".repeat(1_024), () => setTimeout(write, 1));
        };
        write();
      };
      const started = performance.now();
      expect(await devnet().carry(parcel())).to.deep.equal({ ok: true });
      expect(performance.now() - started).to.be.lessThan(450);
      expect(written).to.be.lessThan(200_000);
    });

    it("takes the status of an answer that never ends, after the time there is", async () => {
      answer = (_request, response) => void response.writeHead(200).write("x");
      expect(await devnet().carry(parcel())).to.deep.equal({ ok: true });
    });

    it("refuses an answer with a head without end", async () => {
      answer = (_request, response) => response.writeHead(200, { x: "y".repeat(10_000) }).end();
      expect(await devnet().carry(parcel())).to.deep.equal({ ok: false, why: "HPE_HEADER_OVERFLOW", gone: false });
    });

    it("says that nobody listens by the error's code alone", async () => {
      const closed = parcel({ url: "http://127.0.0.1:1/?token=hidden" });
      expect(await devnet().carry(closed)).to.deep.equal({ ok: false, why: "ECONNREFUSED", gone: false });
    });

    it("calls no private address outside a devnet, whatever the name said before", async () => {
      const { port } = server.address() as AddressInfo;
      let answers = ["93.184.216.34"];
      const courier = createCourier({ devnet: false, clock, resolve: async () => answers, timeoutMs: 500 });
      expect(await courier.refuse(`https://rebind.example:${port}/`)).to.equal(null);
      answers = ["127.0.0.1"];
      const moved = { ok: false, why: "address_not_public", gone: false };
      expect(await courier.carry(parcel({ url: `https://rebind.example:${port}/` }))).to.deep.equal(moved);
      expect(await courier.carry(parcel({ url: `https://127.0.0.1:${port}/` }))).to.deep.equal(moved);
      expect(await courier.carry(parcel())).to.deep.equal({ ok: false, why: "https_only", gone: false });
      expect(sockets.size, "nothing was even connected").to.equal(0);
    });

    it("connects to the address that was checked: the name is asked once for each connection", async () => {
      let asked = 0;
      const { port } = server.address() as AddressInfo;
      const courier = createCourier({
        devnet: true,
        clock,
        timeoutMs: 500,
        async resolve() {
          asked += 1;
          return ["127.0.0.1"];
        },
      });
      expect(await courier.carry(parcel({ url: `http://hook.example:${port}/` }))).to.deep.equal({ ok: true });
      expect(asked).to.equal(1);
      expect(requests[0]?.headers.host).to.equal(`hook.example:${port}`);
    });
  });
});
