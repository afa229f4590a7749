/**
 * Which addresses belong to the public internet. Owns the lists, after the registries of special-purpose addresses of IANA (RFC 6890 and its
 * successors). Promises to call public only what is known to be: everything that leads into a network of somebody's own, to this machine, to
 * many machines, or to another address hidden inside, is not.
 */
import { BlockList, isIP } from "node:net";

const notPublic4 = new BlockList();
for (const [net, prefix] of [
  ["0.0.0.0", 8], // this network
  ["10.0.0.0", 8], // private
  ["100.64.0.0", 10], // carrier-grade NAT
  ["127.0.0.0", 8], // loopback
  ["169.254.0.0", 16], // link-local, cloud metadata among them
  ["172.16.0.0", 12], // private
  ["192.0.0.0", 24], // protocol assignments
  ["192.0.2.0", 24], // documentation
  ["192.88.99.0", 24], // 6to4 relays
  ["192.168.0.0", 16], // private
  ["198.18.0.0", 15], // benchmarks
  ["198.51.100.0", 24], // documentation
  ["203.0.113.0", 24], // documentation
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4], // reserved, broadcast
] as const) {
  notPublic4.addSubnet(net, prefix, "ipv4");
}

/** Global unicast; outside lie loopback, unique local, link-local, multicast, IPv4-mapped and NAT64. */
const global6 = new BlockList();
global6.addSubnet("2000::", 3, "ipv6");
const notPublic6 = new BlockList();
for (const [net, prefix] of [
  ["2001::", 23], // protocol assignments, Teredo with an IPv4 address inside among them
  ["2001:db8::", 32], // documentation
  ["2002::", 16], // 6to4, an IPv4 address inside
  ["3fff::", 20], // documentation
] as const) {
  notPublic6.addSubnet(net, prefix, "ipv6");
}

/** False for whatever is not an IP address. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !notPublic4.check(address, "ipv4");
    case 6:
      return global6.check(address, "ipv6") && !notPublic6.check(address, "ipv6");
    default:
      return false;
  }
}
