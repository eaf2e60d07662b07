"""D-LLM (Jiang and others, 2024) on rivals/model and families/llama3 in JAX float64.

A router a layer (linear, RMSNorm, SiLU, linear) says from what enters the layer whether a token runs it; the first two tokens run
every layer, the first layers run for every token.

Inference: a token runs where its second logit is no smaller, and sees executing tokens alone; others pass by.
Learning: gates are the hard choice under given Gumbel noise, with the gradient of the softmax at temperature 1; weights of the
attention's softmax are multiplied by the gates of their keys and made to add up to 1 again; a layer gives g y + (1 - g) x. Loss: mean
next-token loss plus 5 |mean of gates - (1 - target)|, the mean taken for each token over the layers, for each layer that has a
router over the tokens (its share being what makes the whole the target), or over all; the first two tokens are not counted.

Saved: routers, noise, inference gates and logits, and for each of the three means loss and gradients at the routers.

Run after make_mixture.py: python make_dllm.py
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load_file

from make_mixture import mlp, rms
from make_rivals import FOLDER, MODELS, save

HIDDEN, TOKENS, TARGET, WEIGHT = 5, 2, 0.3, 5.0
FORCED = {"model": 2, "llama3": 1}


def attention(w, c, p, h, weigh):
    """weigh turns scores (H, T, T), with -inf for later keys, into weights."""
    heads, kv, steps = c["num_attention_heads"], c["num_key_value_heads"], len(h)
    q, k, v = (h @ w[p + f"self_attn.{n}_proj.weight"].T for n in "qkv")
    size = q.shape[1] // heads
    angle = jnp.arange(steps)[:, None] * c["rope_theta"] ** (-jnp.arange(0, size, 2) / size)[None]
    cos, sin = jnp.cos(angle)[:, None], jnp.sin(angle)[:, None]
    turn = lambda y: jnp.concatenate([y[..., : size // 2] * cos - y[..., size // 2 :] * sin,
                                      y[..., size // 2 :] * cos + y[..., : size // 2] * sin], -1)
    q = turn(q.reshape(steps, heads, size))
    k = turn(k.reshape(steps, kv, size)).repeat(heads // kv, 1)
    v = v.reshape(steps, kv, size).repeat(heads // kv, 1)
    s = jnp.einsum("qhd,khd->hqk", q, k) / np.sqrt(size)
    a = weigh(jnp.where(np.tri(steps, dtype=bool), s, -jnp.inf))
    return jnp.einsum("hqk,khd->qhd", a, v).reshape(steps, -1) @ w[p + "self_attn.o_proj.weight"].T


def run(w, c, i, x, weigh):
    p, eps = f"model.layers.{i}.", c["rms_norm_eps"]
    x = x + attention(w, c, p, rms(x, w[p + "input_layernorm.weight"], eps), weigh)
    return x + mlp(w, p, rms(x, w[p + "post_attention_layernorm.weight"], eps))


def router(r, i, x):
    k = f"layers.{i}.layer."
    h = rms(x @ r[k + "hidden.weight"].T + r[k + "hidden.bias"], r[k + "hidden.norm"], 1e-5)
    return jax.nn.silu(h) @ r[k + "output.weight"].T + r[k + "output.bias"]


def end(w, c, x):
    head = w["lm_head.weight"] if "lm_head.weight" in w else w["model.embed_tokens.weight"]
    return rms(x, w["model.norm.weight"], c["rms_norm_eps"]) @ head.T


def inference(r, w, c, ids, forced):
    x, gates = w["model.embed_tokens.weight"][ids], []
    for i in range(c["num_hidden_layers"]):
        z = router(r, i, x)
        g = (z[:, 1] >= z[:, 0]) | (jnp.arange(len(ids)) < TOKENS) | (i < forced)
        # A token that skips needs no weights; seeing itself keeps its softmax defined.
        seen = g[None, None] | jnp.eye(len(ids), dtype=bool)[None]
        y = run(w, c, i, x, lambda s: jax.nn.softmax(jnp.where(seen, s, -jnp.inf), -1))
        x = jnp.where(g[:, None], y, x)
        gates.append(g)
    return end(w, c, x), jnp.stack(gates)


def learning(r, w, c, ids, forced, noise):
    x, gates = w["model.embed_tokens.weight"][ids], []
    for i in range(c["num_hidden_layers"]):
        if i < forced:
            x = run(w, c, i, x, lambda s: jax.nn.softmax(s, -1))
            continue
        y = router(r, i, x) + noise[i]
        soft = jax.nn.softmax(y, -1)[:, 1]
        g = jax.lax.stop_gradient((y[:, 1] > y[:, 0]) - soft) + soft
        g = jnp.where(jnp.arange(len(ids)) < TOKENS, 1.0, g)

        def weigh(s):
            a = jax.nn.softmax(s, -1) * g
            return a / (a.sum(-1, keepdims=True) + 1e-6)

        made = run(w, c, i, x, weigh)
        x = g[:, None] * made + (1 - g[:, None]) * x
        gates.append(g)
    return end(w, c, x), jnp.stack(gates)


def loss(r, w, c, ids, forced, noise, share):
    z, g = learning(r, w, c, ids[:-1], forced, noise)
    text = -jax.nn.log_softmax(z, -1)[jnp.arange(len(ids) - 1), ids[1:]].mean()
    layers, g = c["num_hidden_layers"], g[:, TOKENS:]
    wanted = 1 - TARGET
    if share == "token":
        far = jnp.abs((g.sum(0) + forced) / layers - wanted).mean()
    elif share == "layer":
        far = jnp.abs(g.mean(1) - (wanted * layers - forced) / (layers - forced)).sum() / layers
    else:
        far = jnp.abs((g.mean(1).sum() + forced) / layers - wanted)
    return text + WEIGHT * far


def main():
    lines = [f"python {sys.version.split()[0]}", f"numpy {np.__version__}", f"jax {jax.__version__}"]
    for name, folder in MODELS.items():
        w = {k: jnp.asarray(v.astype(np.float64)) for k, v in load_file(folder / "model.safetensors").items()}
        c = json.loads((folder / "config.json").read_text())
        ids = load_file(FOLDER / f"similarity_{name}.safetensors")["input_ids"][0]
        d, forced, rng = c["hidden_size"], FORCED[name], np.random.default_rng(7)
        numbers = {}
        for i in range(c["num_hidden_layers"]):
            for part, shape in {"hidden.weight": (HIDDEN, d), "hidden.bias": (HIDDEN,), "hidden.norm": (HIDDEN,),
                                "output.weight": (2, HIDDEN), "output.bias": (2,)}.items():
                one = rng.standard_normal(shape) * (d**-0.5 if part == "hidden.weight" else 1)
                numbers[f"layers.{i}.layer.{part}"] = (1 + 0.1 * one if part == "hidden.norm" else one).astype(np.float32)
        noise = rng.gumbel(size=(c["num_hidden_layers"], len(ids) - 1, 2)).astype(np.float32)
        r = {k: jnp.asarray(v.astype(np.float64)) for k, v in numbers.items()}
        logits, gates = inference(r, w, c, ids, forced)
        saved = {"input_ids": ids, "noise": noise, "logits": np.asarray(logits), "gates": np.asarray(gates, dtype=np.int64)}
        saved |= numbers
        line = f"{folder.name}: {1 - float(gates.mean()):.3f} skipped"
        for share in ("token", "layer", "total"):
            value, gradient = jax.value_and_grad(loss)(r, w, c, ids, forced, jnp.asarray(noise.astype(np.float64)), share)
            saved[f"loss.{share}"] = np.array([value])
            saved |= {f"gradient.{share}.{k}": np.asarray(v) for k, v in gradient.items() if int(k.split(".")[1]) >= forced}
            line += f", {share} loss {value:.6f}"
        save(f"dllm_{name}.safetensors", saved, f"{folder.name}, jax float64, target {TARGET}, hidden {HIDDEN}")
        lines += [line]
    (FOLDER / "dllm_versions.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
