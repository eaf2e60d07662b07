"""Trains the embedded model's shape in a plain PyTorch loop on random tokens and prints tokens a second, for TrainingSpeed.

usage: python plain_training.py VOCABULARY WIDTH HIDDEN LAYERS HEADS KV_HEADS BATCH CONTEXT THREADS
commands, one a line: "fp32 STEPS" or "mixed STEPS"; the answer: seconds of the steps
"""

import sys
import time

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

vocabulary, width, hidden, layers, heads, kv_heads, batch, context, threads = map(int, sys.argv[1:10])
torch.set_num_threads(threads)
torch.manual_seed(1)
model = LlamaForCausalLM(LlamaConfig(
    hidden_size=width, intermediate_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
    num_key_value_heads=kv_heads, vocab_size=vocabulary, max_position_embeddings=context, tie_word_embeddings=True,
    attn_implementation="sdpa")).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.05, fused=True)


def step(mixed):
    ids = torch.randint(vocabulary, (batch, context + 1))
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        logits = model(ids[:, :-1], use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


print(f"torch {torch.__version__}, transformers {transformers.__version__}", flush=True)
for line in sys.stdin:
    name, steps = line.split()
    start = time.perf_counter()
    for _ in range(int(steps)):
        step(name == "mixed")
    print(time.perf_counter() - start, flush=True)
