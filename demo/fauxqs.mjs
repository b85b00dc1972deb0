// Starts the emulator on loopback only: it listens on every interface and has no setting for that.
// node fauxqs.mjs <path of its module>; PORT, FAUXQS_INIT and fauxqs's other variables from the environment. With
// FAUXQS_DATA_DIR its queues outlive it.
import net from "node:net";
import { pathToFileURL } from "node:url";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (options, ...rest) {
	return listen.call(this, { ...options, host: "127.0.0.1" }, ...rest);
};

const { startFauxqs } = await import(pathToFileURL(process.argv[2]).href);
const server = await startFauxqs({ dataDir: process.env.FAUXQS_DATA_DIR });
for (const signal of ["SIGTERM", "SIGINT"]) {
	process.on(signal, () => server.stop().then(() => process.exit(0)));
}
