/**
 * The leash of every process that the devnet starts. Preloaded with `--import`; promises that the process ends when the devnet ends,
 * however that happened: the channel between the two closes even when the parent is killed with SIGKILL. Does nothing in a process that has
 * no such channel, and never keeps an otherwise finished process alive.
 */

/** A clean stop that takes longer than this is cut short: a port or a database lock must not outlive the devnet. */
const patienceMs = 5_000;

if (process.channel) {
  process.on("disconnect", () => {
    setTimeout(() => process.exit(1), patienceMs).unref();
    // With a handler this is the program's own clean stop, without one it ends here.
    process.kill(process.pid, "SIGTERM");
  });
  process.channel.unref();
}
