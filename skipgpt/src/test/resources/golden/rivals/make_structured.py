"""Structured pruning of rivals/model (grouped-query heads) and families/llama2 (one key head a query head), computed apart
from the library: numpy float64 forward, JAX float64 gradients.

- LLM-Pruner, block-wise: importance of a row of q, k, v, gate, up and of a column of o, down, summed over what goes together:
  a key head with its value head and its query heads, an MLP channel. g is the gradient of the mean loss of each sequence,
  averaged over the sequences, which are equally long; G the mean of its squares. FIRST sum |w g|, SECOND sum w^2 G, MIX
  sum |w g - w^2 G / 2|, VECTOR |sum w g|. Of C channels C - int(C (1 - p)) go, heads whole.
- SliceGPT, step by step on weights that are rotated and cut as they come: RMSNorm weights folded into the matrices behind
  them; Q by the eigenvectors of the calibration streams' second moment; the stream keeps w of D columns and passes
  Q_before^T Q_after at every module; a norm divides by D whatever w is.

Run after make_rivals.py: python make_structured.py
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load_file

from make_depth import head, loss
from make_rivals import FOLDER, attention, mlp, norm, save

FOLDERS = {"model": FOLDER / "model", "llama2": FOLDER.parent / "families" / "llama2"}
RATIO, WIDTHS = 0.5, {"model": (24, 32), "llama2": (32, 48)}
LAYERS = {"model": (1, 4), "llama2": (1, 2)}
KINDS = ("FIRST", "SECOND", "MIX", "VECTOR")


def importances(w, c, sequences):
    grads = [jax.grad(loss)({k: jnp.asarray(v) for k, v in w.items()}, c, ids) for ids in sequences]
    heads, kv, out = c["num_attention_heads"], c["num_key_value_heads"], {}
    for kind in KINDS:
        def each(name, axis):
            """Importance of every row (axis 1) or column (axis 0)."""
            g = np.mean([np.asarray(one[name]) for one in grads], 0)
            square = np.mean([np.asarray(one[name]) ** 2 for one in grads], 0)
            first, second = w[name] * g, w[name] ** 2 * square
            if kind == "VECTOR":
                return np.abs(first.sum(axis))
            return {"FIRST": np.abs(first), "SECOND": second, "MIX": np.abs(first - second / 2)}[kind].sum(axis)

        for i in range(c["num_hidden_layers"]):
            a, m = f"model.layers.{i}.self_attn.", f"model.layers.{i}.mlp."
            head_sum = sum(each(a + n, axis).reshape(kv, -1).sum(1)
                           for n, axis in (("q_proj.weight", 1), ("k_proj.weight", 1), ("v_proj.weight", 1),
                                           ("o_proj.weight", 0)))
            channel = each(m + "gate_proj.weight", 1) + each(m + "up_proj.weight", 1) + each(m + "down_proj.weight", 0)
            out[f"{kind}.heads.{i}"], out[f"{kind}.channels.{i}"] = head_sum, channel
    return out


def gone(channels):
    return channels - int(channels * (1 - RATIO))


def pruned(name, w, c, found):
    """Weights of the smaller model, its config layer by layer, and what was kept."""
    w, kept, configs = dict(w), {}, []
    kv, size = c["num_key_value_heads"], c["head_dim"]
    group = c["num_attention_heads"] // kv
    for i in range(c["num_hidden_layers"]):
        inside = LAYERS[name][0] <= i <= LAYERS[name][1]
        n = gone(kv * size) // size if inside else 0
        order = np.argsort(found[f"FIRST.heads.{i}"], kind="stable")
        keys = np.sort(order[n:])
        n = gone(c["intermediate_size"]) if inside else 0
        values = found[f"FIRST.channels.{i}"]
        order = np.argsort(values, kind="stable")
        channels = np.sort(order[n:])
        if inside:
            assert values[order[n]] / values[order[n - 1]] > 1 + 1e-5
        kept |= {f"kept.heads.{i}": keys, f"kept.channels.{i}": channels}
        of = lambda heads, width: np.concatenate([np.arange(h * width, (h + 1) * width) for h in heads])
        a, m = f"model.layers.{i}.self_attn.", f"model.layers.{i}.mlp."
        w[a + "q_proj.weight"] = w[a + "q_proj.weight"][of(keys, group * size)]
        w[a + "k_proj.weight"] = w[a + "k_proj.weight"][of(keys, size)]
        w[a + "v_proj.weight"] = w[a + "v_proj.weight"][of(keys, size)]
        w[a + "o_proj.weight"] = w[a + "o_proj.weight"][:, of(keys, group * size)]
        w[m + "gate_proj.weight"] = w[m + "gate_proj.weight"][channels]
        w[m + "up_proj.weight"] = w[m + "up_proj.weight"][channels]
        w[m + "down_proj.weight"] = w[m + "down_proj.weight"][:, channels]
        configs.append(c | {"num_attention_heads": group * len(keys), "num_key_value_heads": len(keys)})
    return w, configs, kept


def logits(w, configs, ids):
    x, eps = w["model.embed_tokens.weight"][ids], configs[0]["rms_norm_eps"]
    for i, c in enumerate(configs):
        x = x + attention(w, c, i, norm(x, w[f"model.layers.{i}.input_layernorm.weight"], eps))
        x = x + mlp(w, i, norm(x, w[f"model.layers.{i}.post_attention_layernorm.weight"], eps))
    return norm(x, w["model.norm.weight"], eps) @ head(w).T


def directions(streams):
    h = sum(x.T @ x for x in streams)
    damping = 0.01 * np.mean(np.diag(h))
    values, vectors = np.linalg.eigh(h + damping * np.eye(len(h)))
    return vectors[:, ::-1], values[::-1] - damping


def plain_norm(x, eps, d):
    """RMSNorm without a weight, over the width the stream had."""
    return x / np.sqrt((x * x).sum(-1, keepdims=True) / d + eps)


def sliced(w, c, sequences, width):
    """The sliced model's function, and what lies along each direction of every rotation."""
    w, d, eps, depth = dict(w), c["hidden_size"], c["rms_norm_eps"], c["num_hidden_layers"]
    w["lm_head.weight"] = head(w) * w["model.norm.weight"]
    for i in range(depth):
        p = f"model.layers.{i}."
        for n in ("q", "k", "v"):
            w[p + f"self_attn.{n}_proj.weight"] = w[p + f"self_attn.{n}_proj.weight"] * w[p + "input_layernorm.weight"]
        for n in ("gate", "up"):
            w[p + f"mlp.{n}_proj.weight"] = w[p + f"mlp.{n}_proj.weight"] * w[p + "post_attention_layernorm.weight"]
    inputs = [w["model.embed_tokens.weight"][ids] for ids in sequences]
    q, values = directions(inputs)
    along, shortcuts = [values], []
    w["model.embed_tokens.weight"] = (w["model.embed_tokens.weight"] @ q)[:, :width]
    for i in range(depth):
        p = f"model.layers.{i}."
        for n in ("q", "k", "v"):
            name = p + f"self_attn.{n}_proj.weight"
            w[name] = (w[name] @ q)[:, :width]
        cut = [(x @ q)[:, :width] for x in inputs]
        back = q.T[:width]                                             # from the kept directions to the old basis
        between = [x @ back + attention(w, c, i, plain_norm(x, eps, d)) for x in cut]
        q, values = directions(between)
        along.append(values)
        shortcuts.append((back @ q)[:, :width])
        name = p + "self_attn.o_proj.weight"
        w[name] = (q.T @ w[name])[:width]
        for n in ("gate", "up"):
            name = p + f"mlp.{n}_proj.weight"
            w[name] = (w[name] @ q)[:, :width]
        back = q.T[:width]
        cut = [x @ shortcuts[-1] + attention(w, c, i, plain_norm(x, eps, d)) for x in cut]
        inputs = [x @ back + mlp(w, i, plain_norm(x, eps, d)) for x in cut]
        q, values = directions(inputs)
        along.append(values)
        last = d if i == depth - 1 else width
        shortcuts.append((back @ q)[:, :last])
        name = p + "mlp.down_proj.weight"
        w[name] = (q.T @ w[name])[:last]
    w["lm_head.weight"] = w["lm_head.weight"] @ q

    def run(ids):
        x = w["model.embed_tokens.weight"][ids]
        for i in range(depth):
            x = x @ shortcuts[2 * i] + attention(w, c, i, plain_norm(x, eps, d))
            x = x @ shortcuts[2 * i + 1] + mlp(w, i, plain_norm(x, eps, d))
        return plain_norm(x, eps, d) @ w["lm_head.weight"].T

    return run, np.array(along), shortcuts


def main():
    lines = [f"python {sys.version.split()[0]}", f"numpy {np.__version__}", f"jax {jax.__version__}"]
    for name, folder in FOLDERS.items():
        w = {k: v.astype(np.float64) for k, v in load_file(folder / "model.safetensors").items()}
        c = json.loads((folder / "config.json").read_text())
        rng = np.random.default_rng(41)
        sequences = rng.integers(3, c["vocab_size"], (6, 32))
        dense = logits(w, [c] * c["num_hidden_layers"], sequences[0])
        found = importances(w, c, sequences)
        small, configs, kept = pruned(name, w, c, found)
        out = {"input_ids": sequences, **found, **kept, "pruned_logits": logits(small, configs, sequences[0])}
        lines += ["", f"{folder.name}: kept heads {[kept[f'kept.heads.{i}'].tolist() for i in range(len(configs))]}"]
        for width in WIDTHS[name]:
            run, along, shortcuts = sliced(w, c, sequences, width)
            out[f"sliced_logits.{width}"], out[f"along.{width}"] = run(sequences[0]), along
            if width == c["hidden_size"]:
                gap = np.abs(run(sequences[0]) - dense).max()
                assert gap < 1e-9, gap
                lines.append(f"  nothing cut: {gap:.1e} from the dense model")
            else:
                ahead = (along[:, width - 1] / along[:, width]).min()
                assert ahead > 1 + 1e-3, ahead
                out[f"shortcut_size.{width}"] = np.array([np.linalg.norm(s) for s in shortcuts])
                off = np.abs(run(sequences[0]) - dense).max()
                lines.append(f"  width {width}: the last kept direction is {ahead:.4f} times the first cut one; logits move by up to {off:.3f}")
        save(f"structured_{name}.safetensors", out, f"{folder.name}, numpy and jax float64")
    (FOLDER / "structured_versions.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
