"""What analyses find in a routed model, computed with numpy alone: families/llama3 under the routers of skipgpt/paper.

A module of a token runs where logit 1 of its router exceeds logit 0; a router reads the residual entering its module.
Tokens that skip an attention leave their keys and values there (KEEP), so the arithmetic is x <- x + g f(norm(x)) with g
0 or 1. Everything is float64; the forward pass of make_rivals.py, and no torch.

- Token-wise similarity: cos(x, x + g f(norm(x))) of every token of the first text.
- Context drift, prefill: decisions of whole texts.
- Context drift, decode: each prompt is continued greedily, one token at a time; a token's decisions are those made when
  it was the last one, and the tokens of the prompt decide together before the first new one.

Run after make_rivals.py and skipgpt/make_skipgpt.py: python make_routed.py
"""

import json
import sys

import numpy as np
from make_rivals import FOLDER, MODELS, attention, cos, mlp, norm, save, windowed
from safetensors.numpy import load_file

TEXTS, PROMPTS, ADDED, WINDOW, END = (32, 27, 20, 9, 6), (5, 11, 3), 24, 8, 2
MARGIN, AHEAD = 2e-3, 0.02  # no decision and no greedy token hangs on rounding


def forward(w, r, c, ids):
    """Residual stream around every module (M + 1, T, d), decisions (M, T), logits (T, V), the closest decision."""
    stream, execute, closest, eps = [w["model.embed_tokens.weight"][ids]], [], np.inf, c["rms_norm_eps"]
    for i in range(c["num_hidden_layers"]):
        for kind, before in (("attention", "input"), ("mlp", "post_attention")):
            x = stream[-1]
            z = x @ r[f"layers.{i}.{kind}.weight"].T + r[f"layers.{i}.{kind}.bias"]
            closest = min(closest, np.abs(z[:, 1] - z[:, 0]).min())
            execute.append(z[:, 1] > z[:, 0])
            h = norm(x, w[f"model.layers.{i}.{before}_layernorm.weight"], eps)
            f = attention(w, c, i, h) if kind == "attention" else mlp(w, i, h)
            stream.append(x + execute[-1][:, None] * f)
    logits = norm(stream[-1], w["model.norm.weight"], eps) @ w["lm_head.weight"].T
    return np.stack(stream), np.stack(execute).astype(np.int64), logits, closest


def decode(w, r, c, prompt):
    """Greedy text, each token's decisions when it came, the closest decision, how far the first token lay ahead."""
    ids, closest, ahead = list(prompt), np.inf, np.inf
    _, execute, logits, near = forward(w, r, c, prompt)
    for _ in range(ADDED):
        first, second = np.sort(logits[-1])[[-1, -2]]
        ahead, closest = min(ahead, first - second), min(closest, near)
        ids.append(int(logits[-1].argmax()))
        _, now, logits, near = forward(w, r, c, np.array(ids))
        execute = np.concatenate([execute, now[:, -1:]], 1)
    return np.array(ids), execute, min(closest, near), ahead


def pairs(execute):
    """(M, T) to (L, 2, T)."""
    return execute.reshape(-1, 2, execute.shape[1])


def main():
    folder = MODELS["llama3"]
    w = {k: v.astype(np.float64) for k, v in load_file(folder / "model.safetensors").items()}
    r = {k: v.astype(np.float64)
         for k, v in load_file(FOLDER.parent / "skipgpt" / "paper" / "routers.safetensors").items()}
    c = json.loads((folder / "config.json").read_text())
    for seed in range(2000):
        rng = np.random.default_rng(seed)
        texts = [rng.integers(3, c["vocab_size"], n) for n in TEXTS]
        runs = [forward(w, r, c, ids) for ids in texts]
        if min(run[3] for run in runs) < MARGIN:
            continue
        prompts = [rng.integers(3, c["vocab_size"], n) for n in PROMPTS]
        written = [decode(w, r, c, ids) for ids in prompts]
        if min(run[2] for run in written) > MARGIN and min(run[3] for run in written) > AHEAD \
                and all(END not in run[0] for run in written):
            break
    else:
        raise SystemExit("no seed without a near tie")
    stream = runs[0][0]
    prefill = windowed([pairs(run[1]) for run in runs], WINDOW)
    decoded = windowed([pairs(run[1]) for run in written], WINDOW)
    tensors = {"window": np.array([WINDOW]), "token_similarity": cos(stream[:-1], stream[1:])}
    tensors |= {f"text.{k}": ids for k, ids in enumerate(texts)} | {f"prompt.{k}": ids for k, ids in enumerate(prompts)}
    tensors |= {f"execute.{k}": run[1] for k, run in enumerate(runs)}
    tensors |= {f"written.{k}": run[0] for k, run in enumerate(written)}
    tensors |= {f"prefill.{name}": v for name, v in prefill.items()} | {f"decode.{name}": v for name, v in decoded.items()}
    save("routed.safetensors", tensors, "families/llama3 under skipgpt/paper/routers, numpy float64")
    rates = 1 - np.concatenate([run[1] for run in runs], 1).mean(1)
    line = (f"python {sys.version.split()[0]}, numpy {np.__version__}: seed {seed}; skip rate per module "
            f"{np.round(rates, 2).tolist()}; closest decision {min(run[3] for run in runs):.4f} and "
            f"{min(run[2] for run in written):.4f}; greedy tokens ahead by {min(run[3] for run in written):.3f}")
    (FOLDER / "routed_versions.txt").write_text(line + "\n")
    print(line)


if __name__ == "__main__":
    main()
