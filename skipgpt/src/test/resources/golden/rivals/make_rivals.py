"""Layer and module similarities of rivals/model and families/llama3, and a windowed mean, computed with numpy alone.

The forward pass is written here in float64 straight from model.safetensors, so that it shares no code with transformers;
it is checked against the logits that transformers gave.

- Block influence (ShortGPT): 1 - mean_t cos(h_i, h_{i+1}), h_i what enters layer i. For the last layer h_{L} is either the
  residual stream ("excluded") or the stream after the final norm ("included", as in the official code).
- Module similarity (joint layer drop): mean_t cos(x, x + f(norm(x))), x the residual entering the module.
- Token-wise similarity: the same cosine per token, for the first sequence.
- Context drift: share of executed modules in a window of 100 tokens, stride 1, averaged over the texts that reach that far,
  with the standard error of that mean over the texts.

Run after families/make_families.py and make_model.py: python make_rivals.py
"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

FOLDER = Path(__file__).resolve().parent
MODELS = {"model": FOLDER / "model", "llama3": FOLDER.parent / "families" / "llama3"}
SEQUENCES, LENGTH, WINDOW = 6, 32, 100


def norm(x, weight, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight


def rotate(x, theta):
    """x (T, H, D), halves paired: (x1, x2) -> (x1 cos - x2 sin, x2 cos + x1 sin)."""
    steps, _, size = x.shape
    angle = np.arange(steps)[:, None] * theta ** (-np.arange(0, size, 2) / size)[None]
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x1, x2 = x[..., : size // 2], x[..., size // 2 :]
    return np.concatenate([x1 * cos - x2 * sin, x2 * cos + x1 * sin], -1)


def attention(w, c, i, x):
    heads, kv, steps = c["num_attention_heads"], c["num_key_value_heads"], len(x)
    q, k, v = (x @ w[f"model.layers.{i}.self_attn.{p}_proj.weight"].T for p in "qkv")
    size = q.shape[1] // heads
    q = rotate(q.reshape(steps, heads, size), c["rope_theta"])
    k = rotate(k.reshape(steps, kv, size), c["rope_theta"]).repeat(heads // kv, 1)
    v = v.reshape(steps, kv, size).repeat(heads // kv, 1)
    scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(size)
    scores = np.where(np.tri(steps, dtype=bool), scores, -np.inf)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return np.einsum("hqk,khd->qhd", p, v).reshape(steps, -1) @ w[f"model.layers.{i}.self_attn.o_proj.weight"].T


def mlp(w, i, x):
    gate, up, down = (w[f"model.layers.{i}.mlp.{p}_proj.weight"] for p in ("gate", "up", "down"))
    g = x @ gate.T
    return (g / (1 + np.exp(-g)) * (x @ up.T)) @ down.T


def forward(w, c, ids):
    """Residual stream around every module (2L + 1, T, d), the stream after the final norm (T, d), logits (T, V)."""
    eps = c["rms_norm_eps"]
    stream = [w["model.embed_tokens.weight"][ids]]
    for i in range(c["num_hidden_layers"]):
        x = stream[-1]
        stream.append(x + attention(w, c, i, norm(x, w[f"model.layers.{i}.input_layernorm.weight"], eps)))
        x = stream[-1]
        stream.append(x + mlp(w, i, norm(x, w[f"model.layers.{i}.post_attention_layernorm.weight"], eps)))
    normed = norm(stream[-1], w["model.norm.weight"], eps)
    return np.stack(stream), normed, normed @ w["lm_head.weight"].T


def cos(a, b):
    return (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))


def similarities(w, c, sequences):
    runs = [forward(w, c, ids) for ids in sequences]
    layer_in = [s[::2] for s, _, _ in runs]  # (L + 1, T, d)
    bi_excluded = 1 - np.mean([cos(h[:-1], h[1:]).mean(1) for h in layer_in], 0)
    bi_included = bi_excluded.copy()
    bi_included[-1] = 1 - np.mean([cos(h[-2], n).mean() for h, (_, n, _) in zip(layer_in, runs)])
    per_token = [cos(s[:-1], s[1:]) for s, _, _ in runs]  # (2L, T)
    module = np.mean([t.mean(1) for t in per_token], 0)
    return {
        "bi_excluded": bi_excluded, "bi_included": bi_included,
        "bi_order_excluded": np.argsort(bi_excluded, kind="stable"),  # first = removed first
        "bi_order_included": np.argsort(bi_included, kind="stable"),
        "module_similarity": module, "module_order": np.argsort(-module, kind="stable"),  # first = dropped first
        "token_similarity": per_token[0],
    }


def windowed(texts, window):
    """For decisions (L, 2, T) of each text, by the position a window starts at: how many texts reach its end, the mean of
    their executed shares, and its standard error, sd / sqrt(n) with n - 1 in sd; 0 where n is 1."""
    out = {"texts": [], "attention": [], "mlp": [], "attention_error": [], "mlp_error": []}
    for start in range(max(text.shape[2] for text in texts) - window + 1):
        shares = np.array([text[:, :, start : start + window].mean((0, 2))
                           for text in texts if text.shape[2] >= start + window])  # (n, 2)
        out["texts"].append(len(shares))
        for kind, name in enumerate(("attention", "mlp")):
            of_kind = shares[:, kind]
            out[name].append(of_kind.mean())
            out[name + "_error"].append(of_kind.std(ddof=1) / np.sqrt(len(of_kind)) if len(of_kind) > 1 else 0.0)
    return {name: np.array(values) for name, values in out.items()}


def drift(rng):
    """Random decisions (L, 2, T) for texts of several lengths and the windowed means per start position."""
    lengths, layers, texts = (260, 180, 310, 99), 3, []
    for length in lengths:
        rate = np.linspace([0.4, 0.9], [0.8, 0.3], length).T  # attention rises, MLP falls
        texts.append((rng.random((layers, 2, length)) < rate[None]).astype(np.int64))
    given = {f"executed.{k}": text for k, text in enumerate(texts)}
    return given | {"lengths": np.array(lengths), "window": np.array([WINDOW])} | windowed(texts, WINDOW)


def save(name, tensors, note):
    as_stored = {k: np.ascontiguousarray(v.astype(np.float32) if v.dtype.kind == "f" else v.astype(np.int64))
                 for k, v in tensors.items()}
    save_file(as_stored, FOLDER / name, metadata={"note": note})


def compare(name, folder):
    w = {k: v.astype(np.float64) for k, v in load_file(folder / "model.safetensors").items()}
    c = json.loads((folder / "config.json").read_text())
    given = load_file(folder / "expected.safetensors")
    gap = np.abs(forward(w, c, given["input_ids.0"])[2] - given["logits.0"]).max()
    assert gap < 1e-4, gap
    for seed in range(900, 1000):
        ids = np.random.default_rng(seed).integers(3, c["vocab_size"], (SEQUENCES, LENGTH))
        found = similarities(w, c, ids)
        values = (found["bi_excluded"], found["bi_included"], found["module_similarity"])
        if min(np.diff(np.sort(v)).min() for v in values) > 4e-4:  # no ranking hangs on rounding
            break
    else:
        raise SystemExit("no seed without a near tie")
    save(f"similarity_{name}.safetensors", {"input_ids": ids, **found}, f"{folder.name}, numpy float64")
    lines = ["", f"{folder.name}: numpy float64 against transformers float32 logits: up to {gap:.1e}; seed {seed}"]
    return lines + [f"  {k}: {np.round(v, 6).tolist()}" for k, v in found.items() if k != "token_similarity"]


def main():
    lines = [f"python {sys.version.split()[0]}", f"numpy {np.__version__}"]
    for name, folder in MODELS.items():
        lines += compare(name, folder)
    save("drift.safetensors", drift(np.random.default_rng(7)), "random decisions, window 100, stride 1")
    (FOLDER / "versions.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
