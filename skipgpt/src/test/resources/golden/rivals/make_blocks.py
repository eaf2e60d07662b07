"""MoD (Mixture-of-Depths of whole layers, every other one) on rivals/model and families/llama3 in JAX float64.

In layers 1, 3, ... the floor(capacity T) tokens with the largest score x . r run the layer, attention among themselves and MLP
in turn; what the layer makes of them minus what they were is multiplied by sigmoid(x . r) and added. All tokens run the others.
Saved: the routers of a mixture file, of which rows 2 l decide; logits, loss and its gradient at the routers.

Run after make_mixture.py: python make_blocks.py
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load_file

from make_mixture import attention, mlp, rms
from make_rivals import FOLDER, MODELS, save

CAPACITY = 0.4


def layer(w, c, i, x, at):
    p, eps = f"model.layers.{i}.", c["rms_norm_eps"]
    x = x + attention(w, c, p, rms(x, w[p + "input_layernorm.weight"], eps), at)
    return x + mlp(w, p, rms(x, w[p + "post_attention_layernorm.weight"], eps))


def logits(routers, w, c, ids):
    x = w["model.embed_tokens.weight"][ids]
    for i in range(c["num_hidden_layers"]):
        if i % 2 == 0:
            x = layer(w, c, i, x, jnp.arange(len(ids)))
            continue
        z = x @ routers[2 * i]
        at = jnp.sort(jnp.argsort(-jax.lax.stop_gradient(z), stable=True)[: int(CAPACITY * len(ids) + 1e-9)])
        x = x.at[at].add(jax.nn.sigmoid(z[at])[:, None] * (layer(w, c, i, x[at], at) - x[at]))
    head = w["lm_head.weight"] if "lm_head.weight" in w else w["model.embed_tokens.weight"]
    return rms(x, w["model.norm.weight"], c["rms_norm_eps"]) @ head.T


def loss(routers, w, c, ids):
    return -jax.nn.log_softmax(logits(routers, w, c, ids[:-1]), -1)[jnp.arange(len(ids) - 1), ids[1:]].mean()


def main():
    lines = [f"python {sys.version.split()[0]}", f"numpy {np.__version__}", f"jax {jax.__version__}"]
    for name, folder in MODELS.items():
        w = {k: jnp.asarray(v.astype(np.float64)) for k, v in load_file(folder / "model.safetensors").items()}
        c = json.loads((folder / "config.json").read_text())
        given = load_file(FOLDER / f"mixture_{name}.safetensors")
        ids, r = given["input_ids"], jnp.asarray(given["routers"].astype(np.float64))
        value, gradient = jax.value_and_grad(loss)(r, w, c, ids)
        save(f"blocks_{name}.safetensors", {"input_ids": ids, "routers": given["routers"], "logits": np.asarray(logits(r, w, c, ids)),
                                            "loss": np.array([value]), "gradient": np.asarray(gradient)},
             f"{folder.name}, jax float64, capacity {CAPACITY}, every other layer")
        lines += [f"{folder.name}: loss {value:.6f}, gradient up to {np.abs(gradient).max():.4f}"]
    (FOLDER / "blocks_versions.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
