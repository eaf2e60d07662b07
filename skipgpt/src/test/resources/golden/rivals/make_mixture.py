"""MoD-D (Mixture-of-Depths, attention and MLP apart) on rivals/model and families/llama3 in JAX float64.

Of a sequence of T tokens the floor(capacity T) ones with the largest score x . r run a module, among themselves; what it adds
is multiplied by sigmoid(x . r). Saved: routers, logits of a sequence, the mean next-token loss of its first T - 1 tokens and
the loss's gradient at the routers.

Run after make_rivals.py: python make_mixture.py
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load_file

from make_rivals import FOLDER, MODELS, save

jax.config.update("jax_enable_x64", True)
CAPACITY = 0.6


def rms(x, g, eps):
    return x / jnp.sqrt((x * x).mean(-1, keepdims=True) + eps) * g


def attention(w, c, p, h, at):
    heads, kv, steps = c["num_attention_heads"], c["num_key_value_heads"], len(at)
    q, k, v = (h @ w[p + f"self_attn.{n}_proj.weight"].T for n in "qkv")
    size = q.shape[1] // heads
    angle = at[:, None] * c["rope_theta"] ** (-jnp.arange(0, size, 2) / size)[None]
    cos, sin = jnp.cos(angle)[:, None], jnp.sin(angle)[:, None]
    turn = lambda y: jnp.concatenate([y[..., : size // 2] * cos - y[..., size // 2 :] * sin,
                                      y[..., size // 2 :] * cos + y[..., : size // 2] * sin], -1)
    q = turn(q.reshape(steps, heads, size))
    k = turn(k.reshape(steps, kv, size)).repeat(heads // kv, 1)
    v = v.reshape(steps, kv, size).repeat(heads // kv, 1)
    s = jnp.einsum("qhd,khd->hqk", q, k) / np.sqrt(size)
    a = jax.nn.softmax(jnp.where(np.tri(steps, dtype=bool), s, -jnp.inf), -1)
    return jnp.einsum("hqk,khd->qhd", a, v).reshape(steps, -1) @ w[p + "self_attn.o_proj.weight"].T


def mlp(w, p, h):
    return (jax.nn.silu(h @ w[p + "mlp.gate_proj.weight"].T) * (h @ w[p + "mlp.up_proj.weight"].T)) @ \
        w[p + "mlp.down_proj.weight"].T


def logits(routers, w, c, ids):
    x, eps = w["model.embed_tokens.weight"][ids], c["rms_norm_eps"]
    for m in range(2 * c["num_hidden_layers"]):
        p = f"model.layers.{m // 2}."
        z = x @ routers[m]
        at = jnp.sort(jnp.argsort(-jax.lax.stop_gradient(z), stable=True)[: int(CAPACITY * len(ids) + 1e-9)])
        if m % 2 == 0:
            f = attention(w, c, p, rms(x[at], w[p + "input_layernorm.weight"], eps), at)
        else:
            f = mlp(w, p, rms(x[at], w[p + "post_attention_layernorm.weight"], eps))
        x = x.at[at].add(jax.nn.sigmoid(z[at])[:, None] * f)
    head = w["lm_head.weight"] if "lm_head.weight" in w else w["model.embed_tokens.weight"]
    return rms(x, w["model.norm.weight"], eps) @ head.T


def loss(routers, w, c, ids):
    return -jax.nn.log_softmax(logits(routers, w, c, ids[:-1]), -1)[jnp.arange(len(ids) - 1), ids[1:]].mean()


def main():
    lines = [f"python {sys.version.split()[0]}", f"numpy {np.__version__}", f"jax {jax.__version__}"]
    for name, folder in MODELS.items():
        w = {k: jnp.asarray(v.astype(np.float64)) for k, v in load_file(folder / "model.safetensors").items()}
        c = json.loads((folder / "config.json").read_text())
        ids = load_file(FOLDER / f"similarity_{name}.safetensors")["input_ids"][0]
        d = c["hidden_size"]
        routers = (np.random.default_rng(5).standard_normal((2 * c["num_hidden_layers"], d)) / d**0.5).astype(np.float32)
        r = jnp.asarray(routers.astype(np.float64))
        value, gradient = jax.value_and_grad(loss)(r, w, c, ids)
        save(f"mixture_{name}.safetensors", {"input_ids": ids, "routers": routers, "logits": np.asarray(logits(r, w, c, ids)),
                                             "loss": np.array([value]), "gradient": np.asarray(gradient)},
             f"{folder.name}, jax float64, capacity {CAPACITY}")
        lines += [f"{folder.name}: loss {value:.6f}, gradient up to {np.abs(gradient).max():.4f}"]
    (FOLDER / "mixture_versions.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
