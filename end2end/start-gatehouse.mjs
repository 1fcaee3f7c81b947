// Starts the demo for the browser tests in a fresh directory, and removes the directory when it is told to stop.
// Called by Playwright: see `webServer` in playwright.config.ts. Its arguments are passed on to `gatehouse serve`.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const directory = process.env.GATEHOUSE_DATA_DIR;
const server = spawn(
  process.env.GATEHOUSE_BIN,
  ['serve', '--demo', '--data-dir', directory, ...process.argv.slice(2)],
  // The server looks for the site and Leptos.toml in the repository root.
  { cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: 'inherit' },
);

// Playwright signals the whole process group, so the server has already received the signal. A second one would cut its
// draining short, so we only wait for it to exit.
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
