"""Times Hugging Face transformers on a LLaMA shape with random weights, one command a line, for SpeedPage.

usage: python hf_speed.py WIDTH HIDDEN LAYERS HEADS KV_HEADS VOCABULARY THREADS CLOCK
commands: "prefill SEQUENCES LENGTH" | "decode CONTEXT TOKENS" | "memory"; answers: seconds (a token for decode), KiB
"""

import resource
import sys
import time

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

width, hidden, layers, heads, kv_heads, vocabulary, threads = map(int, sys.argv[1:8])
clock = time.thread_time if sys.argv[8] == "THREAD_CPU" else time.perf_counter
torch.set_num_threads(threads)
torch.manual_seed(1)
model = LlamaForCausalLM(LlamaConfig(
    hidden_size=width, intermediate_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
    num_key_value_heads=kv_heads, vocab_size=vocabulary, max_position_embeddings=8192, tie_word_embeddings=True,
    attn_implementation="sdpa")).eval()


@torch.inference_mode()
def prefill(sequences, length):
    ids = torch.randint(vocabulary, (sequences, length))
    start = clock()
    model(ids, use_cache=False, logits_to_keep=1)
    return clock() - start


@torch.inference_mode()
def decode(context, tokens):
    cache = model(torch.randint(vocabulary, (1, context)), use_cache=True, logits_to_keep=1).past_key_values
    ids = torch.randint(vocabulary, (1, tokens))
    start = clock()
    for i in range(tokens):
        cache = model(ids[:, i:i + 1], past_key_values=cache, use_cache=True).past_key_values
    return (clock() - start) / tokens


print(f"torch {torch.__version__}, transformers {transformers.__version__}", flush=True)
for line in sys.stdin:
    name, *numbers = line.split()
    if name == "memory":
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
    else:
        print((prefill if name == "prefill" else decode)(*map(int, numbers)), flush=True)
