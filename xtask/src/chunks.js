// By number, each module of any pack that was started: the promise of its instance.
const modules = {};

async function load(address) {
    const answer = await fetch(new URL(address, import.meta.url));
    if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
    const pack = await answer.arrayBuffer();
    const words = new DataView(pack);
    const word = (at) => words.getUint32(4 * at, true);
    // A module imports what the main part exports, and nothing else.
    const imports = { __wasm_split: initSync() };
    const count = word(0);
    const started = [];
    let begin = 4 + 8 * count;
    for (let at = 1; at < 2 * count; at += 2) {
        const length = word(at + 1);
        started.push(modules[word(at)] ??= WebAssembly.instantiate(new Uint8Array(pack, begin, length), imports));
        begin += length;
    }
    await Promise.all(started);
}

// What the main part calls to load a page, and which calls back when that is done. A pack that failed is fetched again
// the next time it is needed.
function loader(address) {
    let loading;
    return async (callback, data) => {
        let success = true;
        try {
            await (loading ??= load(address));
        } catch (error) {
            loading = undefined;
            console.error(error);
            success = false;
        }
        initSync().__indirect_function_table.get(callback)(data, success);
    };
}
