// Starts the demo for the browser tests in a fresh directory, and removes that directory when it is told to stop.
// Called by Playwright, see `webServer` in playwright.config.ts; the arguments go on to `gatehouse serve`.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const directory = process.env.GATEHOUSE_DATA_DIR;
const server = spawn(
  process.env.GATEHOUSE_BIN,
  ['serve', '--demo', '--data-dir', directory, ...process.argv.slice(2)],
  // The site and Leptos.toml are found from the root of the repository.
  { cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: 'inherit' },
);

// Playwright signals the whole process group, so the server has the signal already; a second one would cut its draining
// short. We stay until it has gone.
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {});
}
const leave = (code) => {
  rmSync(directory, { recursive: true, force: true });
  process.exit(code);
};
server.on('error', (error) => {
  console.error(`${process.env.GATEHOUSE_BIN}: ${error.message}. \`cargo xtask build\` makes it.`);
  leave(1);
});
server.on('exit', (code, signal) => leave(signal === null ? code : 1));
