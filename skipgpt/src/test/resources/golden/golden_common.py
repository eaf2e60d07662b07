"""Small helpers shared by the scripts that make the reference numbers of this folder."""

import os
import platform
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy
import safetensors
import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

GOLDEN = Path(__file__).resolve().parent
FAMILIES = GOLDEN / "families"


def generator(seed):
    """A CPU generator, so that the numbers do not depend on the global state."""
    return torch.Generator().manual_seed(seed)


def randn(rng, *shape):
    return torch.randn(*shape, generator=rng, dtype=torch.float32)


def save(path, tensors, note):
    """Writes contiguous copies of the tensors as safetensors with one line of metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, path, metadata={"note": note})


def load_family(name):
    """The model of a family folder in float32 with the plain ("eager") attention."""
    model = AutoModelForCausalLM.from_pretrained(
        FAMILIES / name, attn_implementation="eager", dtype=torch.float32, local_files_only=True
    )
    return model.eval()


def merge_report(path, report):
    """The rows of an earlier report, less those on the families and variants of this one, then this one."""
    own = {row.split(":")[0] for row in report if not row.startswith(" ")}
    kept, keep = [], True
    for row in path.read_text().split("\n\n", 1)[1].splitlines() if path.exists() else []:
        keep = row.split(":")[0] not in own if not row.startswith(" ") else keep
        if keep:
            kept.append(row)
    return [*kept, *report]


def write_versions(path, extra=(), lines=()):
    rows = [
        f"python {platform.python_version()}",
        f"torch {torch.__version__}",
        f"transformers {transformers.__version__}",
        f"safetensors {safetensors.__version__}",
        f"numpy {numpy.__version__}",
        *extra,
        f"machine {platform.machine()}, CPU, 1 thread, float32",
        *lines,
    ]
    path.write_text("\n".join(rows) + "\n")
