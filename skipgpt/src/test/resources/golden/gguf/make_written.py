"""Says what llama.cpp and the gguf package make of what this library writes.

Run from anywhere: python make_written.py FOLDER   (pip: gguf, safetensors, llama-cpp-py-sync, xllamacpp)
FOLDER holds NAME.gguf as org.skipgpt.weights.GgufWrittenTest.main writes them. written.json has for each the file's sha256,
llama.cpp's logits behind some ids and what it continues them with, greedily. rounded.safetensors has numbers that are hard to
round (x) and their bytes in each element type, by the gguf package, whose rounding is that of ggml's reference code.
llama.cpp is called by its C functions, which llama-cpp-py-sync declares; where its library needs a newer libc than there is,
the one inside xllamacpp has the same functions.
"""

import hashlib
import json
import sys
from pathlib import Path

import gguf
import numpy as np
from llama_cpp_py_sync._cffi_bindings import ffi, get_lib
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).resolve().parent
TYPE = gguf.GGMLQuantizationType
GREEDY = 12


def library():
    try:
        return get_lib()
    except RuntimeError:
        import xllamacpp.xllamacpp as other
        return ffi.dlopen(other.__file__)


lib = library()


@ffi.callback("void(enum ggml_log_level, const char *, void *)")
def quiet(level, text, data):
    if level == 4:
        sys.stderr.write(ffi.string(text).decode())


lib.llama_log_set(quiet, ffi.NULL)
lib.llama_backend_init()


def llama_cpp(path, ids):
    params = lib.llama_model_default_params()
    params.n_gpu_layers = 0
    model = lib.llama_model_load_from_file(str(path).encode(), params)
    size = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
    options = lib.llama_context_default_params()
    options.n_ctx = 256
    options.n_threads = options.n_threads_batch = 1
    options.type_k = options.type_v = 0  # F32
    options.flash_attn_type = 0
    context = lib.llama_init_from_model(model, options)
    last, greedy, new = None, [], ids
    for _ in range(GREEDY):
        tokens = ffi.new("llama_token[]", new)
        assert lib.llama_decode(context, lib.llama_batch_get_one(tokens, len(new))) == 0
        logits = np.frombuffer(ffi.buffer(lib.llama_get_logits_ith(context, -1), 4 * size), dtype=np.float32).copy()
        last = logits if last is None else last
        new = [int(logits.argmax())]
        greedy += new
    lib.llama_free(context)
    lib.llama_model_free(model)
    return last, greedy


def hard_numbers():
    rng = np.random.default_rng(5)
    rows = [rng.normal(size=64) * 10.0**e for e in range(-9, 4)]
    rows.append(np.zeros(64))
    halves = np.arange(64) - 31.5  # with 127 in the block the scale is 1, and these are ties
    halves[[0, 40]] = 127, -127
    rows.append(halves)
    one = np.zeros(64)
    one[5], one[37] = -3.3e-5, 65504 / 4
    rows.append(one)
    rows.append(np.ldexp(rng.integers(-4096, 4096, 64) + 0.5, -27))  # between half's subnormals
    rows.append((1 + np.arange(64) * 2.0**-11) * np.where(np.arange(64) % 2, -1, 1))  # ties of half
    rows.append((1 + np.arange(64) * 2.0**-8) * 3)  # ties of bfloat16
    rows.append(np.full(64, 1e-42))
    return np.array(rows, dtype=np.float32)


if __name__ == "__main__":
    written = {}
    for path in sorted(Path(sys.argv[1]).glob("*.gguf")):
        ids = load_file(HERE.parent / "families" / path.stem / "expected.safetensors")["input_ids.0"]
        ids = [int(i) for i in ids.reshape(-1)]
        last, greedy = llama_cpp(path, ids)
        written[path.stem] = {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "ids": ids,
            "last": [float(f"{x:.7g}") for x in last],
            "greedy": greedy,
        }
    lines = ",\n".join(f'"{name}": {json.dumps(one)}' for name, one in written.items())
    (HERE / "written.json").write_text("{\n" + lines + "\n}\n")
    x = hard_numbers()
    rounded = {t.name: gguf.quants.quantize(x, t).view(np.uint8) for t in (TYPE.F16, TYPE.BF16)}
    ordinary = np.abs(x).reshape(-1, 32).max(axis=1).reshape(len(x), 2).min(axis=1) > 1e-37  # ggml divides by d before it looks
    ordinary |= (x == 0).all(axis=1)
    rounded["Q8_0"] = gguf.quants.quantize(x[ordinary], TYPE.Q8_0).view(np.uint8)
    save_file({"x": x, "x.Q8_0": x[ordinary], **rounded}, HERE / "rounded.safetensors")
