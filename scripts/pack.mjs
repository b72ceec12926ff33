// Makes one file for each page out of the pieces that wasm-split wrote, and the script that fetches it.
// A page's file holds every piece that the page needs beside the main program, so that opening it is one request; a piece that
// another page brought already is not made again.
// Usage: node pack.mjs PIECES_DIR OUT_DIR NAME [BINARYEN_MODULE]    with binaryen each piece is made smaller
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [pieces, out, name, tool] = process.argv.slice(2);
const script = readFileSync(join(pieces, "__wasm_split.js"), "utf8");

// The generated script says which piece is for which pages.
const shared = [...script.matchAll(/\/\* ([^*]+) \*\/\s*const __chunk_\d+ = makeLoad\([^"]*"\.\/(\w+)\.wasm"/g)]
  .map(([, pages, file]) => ({ pages: pages.split(", "), file }));
const own = [...script.matchAll(/export const (__wasm_split_load_(\w+)) = wrapAsyncCb\(makeLoad\((?:[^"]*?"\.\/(\w+)\.wasm")?/g)]
  .map(([, loader, page, file]) => ({ loader, page, file }));
const exported = [...script.matchAll(/^export const /gm)].length;
const links = script.match(/const \{([^}]*)\} = initSync/)?.[1].split(",").map((word) => word.trim()).filter(Boolean);
if (!own.length || own.length !== exported || !links?.length) throw new Error("the script of wasm-split has another form than this program knows");

const binaryen = tool ? (await import(tool)).default : null;
if (binaryen) {
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(2);
}
const F = binaryen?.Features;
const features = F && (F.BulkMemory | F.BulkMemoryOpt | F.CallIndirectOverlong | F.Multivalue | F.MutableGlobals | F.NontrappingFPToInt | F.ReferenceTypes | F.SignExt);

/** The bytes of a piece without what only debuggers read. */
function piece(file) {
  let bytes = withoutCustomSections(readFileSync(join(pieces, `${file}.wasm`)));
  if (binaryen) {
    const module = binaryen.readBinary(bytes, features);
    module.setFeatures(features);
    module.optimize();
    bytes = Buffer.from(module.emitBinary());
    module.dispose();
  }
  return withoutCustomSections(bytes);
}

function withoutCustomSections(bytes) {
  const kept = [bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.length;) {
    let length = 0, shift = 0, next = at + 1, byte;
    do {
      byte = bytes[next++];
      length |= (byte & 127) << shift;
      shift += 7;
    } while (byte & 128);
    if (bytes[at] !== 0) kept.push(bytes.subarray(at, next + length));
    at = next + length;
  }
  return Buffer.concat(kept);
}

const cache = new Map();
const get = (file) => cache.get(file) ?? cache.set(file, piece(file)).get(file);
// Every name carries the build: a tab of an older build is told that its page is gone, and never given another one's code.
const build = createHash("sha256").update(readFileSync(join(pieces, `${name}.wasm`))).digest("hex").slice(0, 12);
const manifest = {};
const loaders = own.map(({ loader, page, file }) => {
  const files = [...shared.filter((s) => s.pages.includes(page)).map((s) => s.file), ...(file ? [file] : [])];
  const parts = files.map((f) => {
    const bytes = get(f);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(Number(f.match(/^chunk_(\d+)$/)?.[1] ?? 0xffffffff), 0);
    head.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([head, bytes]);
  });
  const target = `${page}.${build}.bin`;
  writeFileSync(join(out, target), Buffer.concat(parts));
  manifest[page] = target;
  return `export const ${loader} = page("${target}");`;
});
writeFileSync(join(out, "pages.json"), JSON.stringify(manifest));
writeFileSync(join(out, "__wasm_split.js"), `import { initSync } from "./${name}.js";
let imports;
const links = () => {
  if (!imports) {
    const { ${links.join(", ")} } = initSync(undefined, undefined);
    imports = { __wasm_split: { ${links.join(", ")} } };
  }
  return imports;
};
const pieces = new Map();
const make = (number, bytes) => {
  const made = () => WebAssembly.instantiate(bytes, links());
  if (number === 0xffffffff) return made();
  if (!pieces.has(number)) pieces.set(number, made());
  return pieces.get(number);
};
const load = async (file) => {
  const answer = await fetch(new URL(file, import.meta.url));
  if (!answer.ok) throw new Error(file + ": " + answer.status);
  const all = await answer.arrayBuffer(), view = new DataView(all), parts = [];
  for (let at = 0; at < all.byteLength;) {
    const size = view.getUint32(at + 4, true);
    parts.push([view.getUint32(at, true), new Uint8Array(all, at + 8, size)]);
    at += 8 + size;
  }
  await Promise.all(parts.filter(([n]) => n !== 0xffffffff).map(([n, b]) => make(n, b)));
  await Promise.all(parts.filter(([n]) => n === 0xffffffff).map(([n, b]) => make(n, b)));
};
const page = (file) => {
  let loading;
  return async (callback, data) => {
    let done = true;
    try {
      await (loading ??= load(file));
    } catch {
      // The program says so where the page would stand; the next call tries again.
      loading = undefined;
      done = false;
    }
    links().__wasm_split.__indirect_function_table.get(callback)(data, done);
  };
};
${loaders.join("\n")}
`);
console.error(`    ${own.length} pages of ${cache.size} pieces`);
