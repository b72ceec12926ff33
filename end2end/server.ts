// A real `dim serve` on a free port over a directory of its own, and the command line beside it.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';

const program = process.env.DIM_BIN;

export interface Ran { code: number; out: string; err: string }

export class Server {
  private constructor(
    readonly url: string,
    /** The directory that everything of this server lies in; `files/` below it is an allowed root. */
    readonly dir: string,
    private readonly child: ChildProcess,
    private readonly log: string[],
  ) {}

  static async start(...flags: string[]): Promise<Server> {
    if (!program) throw new Error('DIM_BIN names no program; run the browser tests with `make browser`');
    const dir = await realpath(await mkdtemp(join(tmpdir(), 'dim-e2e-')));
    await mkdir(join(dir, 'files'));
    const port = await freePort();
    const own = flags.includes('--demo') ? [] : ['--data-dir', join(dir, 'data'), '--allow-root', join(dir, 'files')];
    const child = spawn(program, ['serve', '--addr', `127.0.0.1:${port}`, ...own, ...flags], {
      cwd: dir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => log.push(String(data)));
    const server = new Server(`http://127.0.0.1:${port}`, dir, child, log);
    await server.ready();
    return server;
  }

  private async ready(): Promise<void> {
    const until = Date.now() + 60_000;
    while (Date.now() < until) {
      if (this.child.exitCode !== null) throw new Error(`dim serve ended with ${this.child.exitCode}:\n${this.log.join('')}`);
      const answer = await fetch(`${this.url}/readyz`).catch(() => null);
      if (answer?.ok) return;
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error(`dim serve was not ready within a minute:\n${this.log.join('')}`);
  }

  /** Runs `dim` with these arguments against this server. */
  dim(...args: string[]): Promise<Ran> {
    return new Promise((done) => {
      execFile(program!, args, { env: { ...process.env, DIM_SERVER: this.url, NO_COLOR: '1' } }, (error, out, err) =>
        done({ code: error ? Number((error as { code?: number }).code ?? 1) : 0, out, err }));
    });
  }

  async json<T>(...args: string[]): Promise<T> {
    const ran = await this.dim(...args, '--json');
    if (ran.code !== 0) throw new Error(`dim ${args.join(' ')} ended with ${ran.code}: ${ran.err}`);
    return JSON.parse(ran.out) as T;
  }

  /**
   * Makes `count` files of random bytes below files/NAME and gives the directory's address. Datasets go below `data/`, which
   * becomes a location by itself and must not hold another one.
   */
  async files(name: string, count: number, size: number): Promise<string> {
    const dir = join(this.dir, 'files', name);
    for (let i = 0; i < count; i += 1) {
      const folder = join(dir, `part-${i % 5}`);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, `object-${i}.bin`), randomBytes(size));
    }
    return `file://${dir}`;
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.child.once('exit', done));
    if (this.child.exitCode === null && this.child.kill('SIGTERM')) {
      const hard = setTimeout(() => this.child.kill('SIGKILL'), 15_000);
      await ended;
      clearTimeout(hard);
    }
    await rm(this.dir, { recursive: true, force: true });
  }

  /** What the server wrote so far. */
  output(): string {
    return this.log.join('');
  }
}

async function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => done(port));
    });
  });
}
